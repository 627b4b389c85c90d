"""Steps in memory through Transposes and views."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import NodeProto

from harness.onnx.readings import Reading, reading_of
from tests.harness.onnx.models import graph_of, model, node, saved

SHAPES = {
    "flat": [2, 3, 20],
    "apart": [2, 3, 4, 5],
    "rows": [6, 20],
    "heads": [2, 1, 3, 20],
    "back": [3, 2, 4, 5],
}


def reading(nodes: list[NodeProto], x: tuple[int, ...], folder: Path) -> Reading:
    """Of what the last node writes, which a product reads."""
    named = {one for made in nodes for one in made.input}
    constants = {name: np.array(SHAPES[name], np.int64) for name in named & SHAPES.keys()}
    last = nodes[-1].output[0]
    made = model([*nodes, node("MatMul", f"{last} w", "y")], {"x": x, "w": (1,)}, "y", constants)
    return reading_of(last, graph_of(saved(made, folder)))


def test_of_what_lies_as_it_is_read(tmp_path: Path) -> None:
    assert reading([node("Relu", "x", "a")], (2, 3, 4), tmp_path) == Reading((2, 3, 4), (12, 4, 1))


def test_through_transposes(tmp_path: Path) -> None:
    nodes = [
        node("Transpose", "x", "t", perm=[2, 0, 1]),
        node("Identity", "t", "i"),
        node("Transpose", "i", "a", perm=[0, 2, 1]),
    ]
    assert reading(nodes, (2, 3, 4), tmp_path) == Reading((4, 3, 2), (1, 4, 12), (0, 2))


def test_views_join_and_part_what_lies_in_order(tmp_path: Path) -> None:
    turn = node("Transpose", "x", "t", perm=[0, 2, 1, 3])
    joined = [turn, node("Reshape", "t heads", "a")]
    assert reading(joined, (2, 3, 1, 20), tmp_path) == Reading((2, 1, 3, 20), (60, 1, 20, 1), (0,))
    parted = [
        node("Reshape", "x flat", "f"),
        node("Transpose", "f", "t", perm=[1, 0, 2]),
        node("Reshape", "t back", "a"),
    ]
    assert reading(parted, (6, 20), tmp_path) == Reading((3, 2, 4, 5), (20, 60, 5, 1), (1,))


def test_a_view_across_what_does_not_lie_in_order(tmp_path: Path) -> None:
    """From there on it is read as it lies, and the Transpose stays a node of its own."""
    nodes = [node("Transpose", "x", "t"), node("Reshape", "t rows", "a")]
    assert reading(nodes, (20, 3, 2), tmp_path) == Reading((6, 20), (20, 1))


def test_as_far_as_nobody_else_reads(tmp_path: Path) -> None:
    nodes = [
        node("Transpose", "x", "t"),
        node("Exp", "t", "e"),
        node("Transpose", "t", "a"),
    ]
    assert reading(nodes, (2, 3), tmp_path) == Reading((2, 3), (1, 2), (2,))
