"""Upsampling by whole factors, as far as a pixel is repeated over a block."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.onnx.expressions import Inexpressible
from harness.onnx.starts import start_of
from tests.harness.onnx.computed import check_computed
from tests.harness.onnx.models import graph_of, model, network, node, saved

X, Z = (2, 3, 4, 5), (2, 3, 8, 15)
SCALES = {"scales": np.array([1, 1, 2, 3], np.float32)}
SIZES = {"sizes": np.array(Z, np.int64)}
TENSORS = {"x": "x", "residual": "z"}
ADD = node("Add", "z h", "y")
NEAREST: dict[str, Any] = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}


@pytest.mark.parametrize("way", ["half_pixel", "pytorch_half_pixel", "half_pixel_symmetric"])
@pytest.mark.parametrize("nearest", ["round_prefer_floor", "round_prefer_ceil"])
def test_half_pixels(way: str, nearest: str, tmp_path: Path) -> None:
    told = {"coordinate_transformation_mode": way, "nearest_mode": nearest}
    made = model(
        [node("Resize", "x . scales", "h", **told), ADD], {"x": X, "z": Z}, "y", SCALES, 19
    )
    check_computed(made, "upsample_residual", TENSORS, tmp_path)


@pytest.mark.parametrize("opset", [11, 13, 19])
def test_sizes_instead_of_scales(opset: int, tmp_path: Path) -> None:
    resize = node("Resize", "x roi empty sizes" if opset < 13 else "x . . sizes", "h", **NEAREST)
    empty = {name: np.zeros(0, np.float32) for name in ("roi", "empty")} if opset < 13 else {}
    made = model([resize, ADD], {"x": X, "z": Z}, "y", {**SIZES, **empty}, opset)
    check_computed(made, "upsample_residual", TENSORS, tmp_path)


def test_axes_of_a_line(tmp_path: Path) -> None:
    resize = node("Resize", "x . scales", "h", axes=[2], **NEAREST)
    scales = {"scales": np.array([4], np.float32)}
    made = model([resize, ADD], {"x": (2, 3, 5), "z": (2, 3, 20)}, "y", scales, 18)
    check_computed(made, "upsample_residual", TENSORS, tmp_path)


def test_upsample_of_older_opsets(tmp_path: Path) -> None:
    made = model([node("Upsample", "x scales", "h"), ADD], {"x": X, "z": Z}, "y", SCALES, 9)
    check_computed(made, "upsample_residual", TENSORS, tmp_path)


def test_alone_it_computes_nothing(tmp_path: Path) -> None:
    nodes = [node("Resize", "x . scales", "h"), node("Relu", "x", "y")]
    found = network(saved(model(nodes, {"x": X}, "h y", SCALES), tmp_path))
    assert found.facts["left_out"] == [
        {"node": "h", "op": "Resize", "reason": "it moves elements and computes nothing"}
    ]


@pytest.mark.parametrize(
    ("attributes", "scales", "told"),
    [
        ({"mode": "linear"}, [1, 1, 2, 2], "it resizes by mode linear"),
        ({"nearest_mode": "ceil"}, [1, 1, 2, 2], "that of half_pixel and ceil"),
        ({}, [1, 1, 1.5, 2], "are no whole multiples of"),
        ({}, [1, 1, 0.5, 2], "are no whole multiples of"),
        ({}, [1, 1, 2.1, 1], "scales of"),
    ],
)
def test_pixels_of_no_block(
    attributes: dict[str, Any], scales: list[float], told: str, tmp_path: Path
) -> None:
    held = {"scales": np.array(scales, np.float32)}
    made = model([node("Resize", "x . scales", "y", **attributes)], {"x": X}, "y", held)
    graph = graph_of(saved(made, tmp_path))
    with pytest.raises(Inexpressible, match=told):
        start_of(graph.nodes[0], graph)
