"""Transposed convolutions against ONNX's reference; in groups against one for each group."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from onnx import ModelProto

from harness.onnx.expressions import Inexpressible
from tests.harness.onnx.computed import check_computed
from tests.harness.onnx.models import model, node, start

TENSORS = {"data": "x", "weight": "k"}
UNEVEN = {
    "strides": [2, 3],
    "pads": [1, 0, 3, 2],
    "dilations": [3, 1],
    "output_padding": [1, 2],
}


def transposed(*dims: int, weight: tuple[int, ...], **attributes: Any) -> ModelProto:
    made = node("ConvTranspose", "x k", "y", **attributes)
    return model([made], {"x": dims}, "y", {"k": weight})


def in_groups(dims: tuple[int, ...], weight: tuple[int, ...], groups: int) -> list[ModelProto]:
    """The same twice: as one node, and as one for each group."""
    parts = range(groups)
    of = {name: " ".join(f"{name}{part}" for part in parts) for name in "xky"}
    apart = [
        node("Split", "x", of["x"], axis=1),
        node("Split", "k", of["k"], axis=0),
        *(node("ConvTranspose", f"x{part} k{part}", f"y{part}", **UNEVEN) for part in parts),
        node("Concat", of["y"], "h", axis=1),
    ]
    whole = node("ConvTranspose", "x k", "h", group=groups, **UNEVEN)
    relu = node("Relu", "h", "y")
    return [model([*of_it, relu], {"x": dims}, "y", {"k": weight}) for of_it in ([whole], apart)]


def test_with_all_that_follows(tmp_path: Path) -> None:
    nodes = [
        node("ConvTranspose", "x k kb", "h", **UNEVEN),
        node("Add", "skip h", "i"),
        node("Relu", "i", "y"),
    ]
    shapes = {"x": (2, 3, 5, 4), "skip": (2, 4, 12, 11)}
    made = model(nodes, shapes, "y", {"k": (3, 4, 3, 2), "kb": (4,)})
    tensors = {**TENSORS, "bias": "kb", "residual": "skip"}
    check_computed(made, "deconv2d_bias_residual_relu", tensors, tmp_path)


def test_one_dimension_is_a_line_of_an_image(tmp_path: Path) -> None:
    made = transposed(2, 3, 7, weight=(3, 4, 3), strides=[2], pads=[1, 2], output_padding=[1])
    check_computed(made, "deconv2d", TENSORS, tmp_path)


def test_rows_that_are_all_cropped(tmp_path: Path) -> None:
    made = transposed(1, 2, 6, 5, weight=(2, 3, 2, 1), pads=[3, 1, 2, 0])
    check_computed(made, "deconv2d", TENSORS, tmp_path)


def test_weights_that_are_none(tmp_path: Path) -> None:
    made = model(
        [node("ConvTranspose", "x k", "y", strides=[2, 2])],
        {"x": (1, 2, 3, 4), "k": (2, 3, 2, 2)},
        "y",
    )
    check_computed(made, "deconv2d_variable", TENSORS, tmp_path)


def test_groups(tmp_path: Path) -> None:
    made, same = in_groups((2, 6, 5, 4), (6, 2, 3, 2), 3)
    check_computed(made, "grouped_deconv2d_relu", TENSORS, tmp_path, same)


def test_every_channel_by_itself(tmp_path: Path) -> None:
    made, same = in_groups((2, 3, 5, 4), (3, 1, 3, 2), 3)
    check_computed(made, "depthwise_deconv2d_relu", TENSORS, tmp_path, same)


@pytest.mark.parametrize("auto_pad", ["SAME_UPPER", "SAME_LOWER"])
def test_padding_by_itself(auto_pad: str, tmp_path: Path) -> None:
    made = transposed(1, 2, 5, 4, weight=(2, 3, 4, 3), strides=[3, 2], auto_pad=auto_pad)
    check_computed(made, "deconv2d", TENSORS, tmp_path)


@pytest.mark.parametrize(
    ("auto_pad", "pads"), [("SAME_UPPER", [1, 0, 2, 1]), ("NOTSET", [2, 1, 1, 0])]
)
def test_a_shape_that_is_asked_for(auto_pad: str, pads: list[int], tmp_path: Path) -> None:
    """What is cropped is three rows and one column, as ONNX halves it."""
    told: dict[str, Any] = {"weight": (2, 3, 4, 3), "strides": [2, 2]}
    made = transposed(1, 2, 5, 4, **told, output_shape=[9, 8], auto_pad=auto_pad)
    same = transposed(1, 2, 5, 4, **told, pads=pads)
    check_computed(made, "deconv2d", TENSORS, tmp_path, same)


@pytest.mark.parametrize(
    ("attributes", "told"),
    [
        ({"output_shape": [20, 20]}, "an output of 20 rows where windows reach 11"),
        ({"auto_pad": "SAME_UPPER", "strides": [5, 5]}, "ask for [25, 20]"),
        ({"auto_pad": "VALID", "pads": [1, 1, 1, 1]}, "the shape of 'y' is not known"),
        ({"strides": [2]}, "the shape of 'y' is not known"),
        ({"output_padding": [0, -1]}, "the shape of 'y' is not known"),
        ({"auto_pad": "ODD"}, "an auto_pad of ODD"),
        ({"kernel_shape": [2, 2]}, "a kernel_shape of (2, 2) for weights of (2, 3, 3, 3)"),
        ({"pads": [1, 1]}, "the shape of 'y' is not known"),
        ({"pads": [9, 9, 9, 9]}, "the shape of 'y' is not known"),
        ({"group": 0}, "the shape of 'y' is not known"),
    ],
)
def test_attributes_that_mean_nothing(
    attributes: dict[str, Any], told: str, tmp_path: Path
) -> None:
    made = node("ConvTranspose", "x k", "y", **{"strides": [2, 2], **attributes})
    with pytest.raises(Inexpressible) as caught:
        start(made, tmp_path, x=(1, 2, 5, 4), k=(2, 3, 3, 3))
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("data", "weight", "told"),
    [
        ((1, 2, 5, 4, 3), (2, 3, 3, 3, 3), "of three dimensions; primitives have two"),
        ((1, 4, 5, 4), (2, 3, 3, 3), "4 channels in 1 groups for weights of (2, 3, 3, 3)"),
        ((1, 2, 5, 0), (2, 3, 3, 3), "'x' holds no element"),
    ],
)
def test_shapes_that_are_none_of_a_primitive(
    data: tuple[int, ...], weight: tuple[int, ...], told: str, tmp_path: Path
) -> None:
    with pytest.raises(Inexpressible) as caught:
        start(node("ConvTranspose", "x k", "y"), tmp_path, x=data, k=weight)
    assert told in str(caught.value), str(caught.value)
