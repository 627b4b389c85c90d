"""Sizes where operators changed their meaning, or have several."""

from __future__ import annotations

from pathlib import Path

import pytest
from onnx import NodeProto

from harness.onnx.expressions import Inexpressible
from harness.onnx.starts import start_of
from tests.harness.onnx.models import graph_of, model, node, saved


def sizes(
    made: NodeProto, folder: Path, opset: int = 17, **inputs: tuple[int, ...]
) -> dict[str, int]:
    path = saved(model([made], inputs, "y", opset=opset), folder)
    graph = graph_of(path)
    return dict(start_of(graph.nodes[0], graph).sizes)


def test_softmax_went_over_all_later_axes_before_opset_13(tmp_path: Path) -> None:
    plain = node("Softmax", "x", "y")
    assert sizes(plain, tmp_path, 11, x=(2, 3, 4)) == {"m": 2, "n": 12}
    assert sizes(plain, tmp_path, 13, x=(2, 3, 4)) == {"m": 6, "n": 4}
    assert sizes(plain, tmp_path, 11, x=(5,)) == {"m": 5, "n": 1}
    along = node("Softmax", "x", "y", axis=1)
    assert sizes(along, tmp_path, 13, x=(2, 1000, 1, 1)) == {"m": 2, "n": 1000}


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ((5, 4), (4, 6), {"m": 5, "n": 6, "k": 4}),
        ((4,), (4, 6), {"m": 1, "n": 6, "k": 4}),
        ((5, 4), (4,), {"m": 5, "n": 1, "k": 4}),
        ((2, 3, 5, 4), (4, 6), {"m": 30, "n": 6, "k": 4}),
        ((2, 3, 5, 4), (2, 3, 4, 6), {"batch": 6, "m": 5, "n": 6, "k": 4}),
    ],
)
def test_products_by_their_ranks(
    a: tuple[int, ...], b: tuple[int, ...], expected: dict[str, int], tmp_path: Path
) -> None:
    assert sizes(node("MatMul", "a b", "y"), tmp_path, a=a, b=b) == expected


def test_a_factor_repeated_over_a_batch_is_inexpressible(tmp_path: Path) -> None:
    with pytest.raises(Inexpressible, match="repeated over the batch"):
        sizes(node("MatMul", "a b", "y"), tmp_path, a=(5, 4), b=(3, 4, 6))


def test_padding_that_counts_where_a_window_was_added(tmp_path: Path) -> None:
    made = node(
        *("AveragePool", "x", "y"),
        kernel_shape=[2, 2],
        strides=[2, 2],
        ceil_mode=1,
        count_include_pad=1,
    )
    with pytest.raises(Inexpressible, match="ceil_mode"):
        sizes(made, tmp_path, 19, x=(1, 2, 5, 5))


def test_a_window_behind_the_image(tmp_path: Path) -> None:
    made = node("MaxPool", "x", "y", kernel_shape=[1, 2], strides=[3, 2], ceil_mode=1)
    with pytest.raises(Inexpressible, match="a window that has nothing of the image"):
        sizes(made, tmp_path, x=(1, 2, 9, 8))


def test_places_of_the_largest_are_inexpressible(tmp_path: Path) -> None:
    made = node("MaxPool", "x", "y i", kernel_shape=[2, 2])
    with pytest.raises(Inexpressible, match="the places of the largest"):
        sizes(made, tmp_path, x=(1, 2, 4, 4))
