"""Transposes behind problems: how a result is stored, or nodes of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import NodeProto

from harness.onnx.endings import order_behind
from tests.harness.onnx.computed import check_computed
from tests.harness.onnx.models import model, network, node, saved

CONV = [node("Conv", "x k kb", "h", group=2, pads=[0, 0, 1, 1]), node("Relu", "h", "i")]
WEIGHTS = {"k": (6, 2, 2, 2), "kb": (6,)}
X = (2, 4, 3, 5)


@pytest.mark.parametrize(
    ("perm", "stored"), [([0, 2, 3, 1], "03412"), ([3, 1, 2, 0], "41230"), ([0, 1, 2, 3], "")]
)
def test_behind_a_convolution(perm: list[int], stored: str, tmp_path: Path) -> None:
    """Groups and channels share an axis."""
    made = model([*CONV, node("Transpose", "i", "y", perm=perm)], {"x": X}, "y", WEIGHTS)
    name = f"grouped_conv2d_bias_relu{f'_out_{stored}' if stored else ''}"
    check_computed(made, name, {"data": "x", "weight": "k", "bias": "kb"}, tmp_path)


@pytest.mark.parametrize(
    ("nodes", "name", "tensors"),
    [
        ([node("Relu", "x", "h")], "relu_y_3210_of_4d", {"x": "x"}),
        ([node("Softmax", "x", "h")], "softmax", {"x": "x"}),
        ([node("GlobalMaxPool", "x", "h")], "max_pool2d_out_2310", {"data": "x"}),
    ],
)
def test_reversed(
    nodes: list[NodeProto], name: str, tensors: dict[str, str], tmp_path: Path
) -> None:
    """Rows of softmax are a loop over three axes: where they come apart, there is no such order."""
    path = saved(model([*nodes, node("Transpose", "h", "y")], {"x": X}, "y"), tmp_path)
    found = network(path)
    assert [entry["primitive"] for entry in found.entries] == [name]
    assert [one["op"] for one in found.facts["left_out"]] == ["Transpose"] * (name == "softmax")
    if name != "softmax":
        made = model([*nodes, node("Transpose", "h", "y")], {"x": X}, "y")
        check_computed(made, name, tensors, tmp_path)


def test_a_result_that_others_read_too(tmp_path: Path) -> None:
    nodes = [node("Relu", "x", "h"), node("Transpose", "h", "y"), node("Exp", "h", "z")]
    found = network(saved(model(nodes, {"x": X}, "y z"), tmp_path))
    assert [one["op"] for one in found.facts["left_out"]] == ["Transpose"]


def test_a_product_reads_through_it_first(tmp_path: Path) -> None:
    """Also where what is in front of it was found before: layer normalisation in nine nodes."""
    nodes = [
        *(node("ReduceMean", "x", "m", axes=[-1]), node("Sub", "x m", "c")),
        *(node("Pow", "c two", "q"), node("ReduceMean", "q", "v", axes=[-1])),
        *(node("Add", "v epsilon", "r"), node("Sqrt", "r", "t"), node("Div", "c t", "u")),
        *(node("Mul", "u gamma", "w"), node("Add", "w beta", "n")),
        *(node("Transpose", "n", "p", perm=[0, 2, 1]), node("MatMul", "p k", "y")),
    ]
    constants = {"gamma": (8,), "beta": (8,), "k": (3, 5)}
    numbers = {"two": np.float32(2), "epsilon": np.float32(1e-5)}
    made = model(nodes, {"x": (2, 3, 8)}, "y", {**constants, **numbers})
    found = network(saved(made, tmp_path))
    assert not found.facts["left_out"]
    assert [(entry["primitive"], entry["nodes"][-1][-3:]) for entry in found.entries] == [
        ("layernorm", "w n"),
        ("batched_matmul_at_repeated_b_constant_b", "p y"),
    ]


def test_loops_over_several_axes_stay_together() -> None:
    axes = ((("m",), (0, 1)), (("n",), (2,)))
    assert order_behind([2, 0, 1], (2, 3, 4), axes) == ("n", "m")
    assert order_behind([1, 0, 2], (2, 3, 4), axes) is None
    assert order_behind([1, 0, 2], (2, 1, 4), axes) == ("m", "n")
    assert order_behind([0, 1], (2, 3, 4), axes) is None
    assert order_behind([0, 0, 2], (2, 3, 4), axes) is None
