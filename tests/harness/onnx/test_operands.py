"""Operands of element-wise nodes that are read through Transposes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.harness.onnx.computed import check_computed
from tests.harness.onnx.models import model, network, node, saved

TURN = node("Transpose", "x", "t", perm=[0, 2, 1, 3])


def test_of_a_chain(tmp_path: Path) -> None:
    nodes = [TURN, node("Mul", "t half", "h"), node("Sub", "z h", "y")]
    made = model(nodes, {"x": (2, 5, 3, 4), "z": (2, 3, 5, 4)}, "y", {"half": np.float32(0.5)})
    check_computed(made, "mul_sub_of_4d", {"x": "x", "other": "z"}, tmp_path)


@pytest.mark.parametrize("dims", [(2, 5, 3, 4), (1, 5, 3, 4), (2, 1, 3, 4)])
def test_of_what_follows_a_convolution(dims: tuple[int, ...], tmp_path: Path) -> None:
    nodes = [node("Conv", "z k", "h"), TURN, node("Add", "h t", "i"), node("Relu", "i", "y")]
    shapes = {"x": dims, "z": (dims[0], 6, dims[1], 4)}
    made = model(nodes, shapes, "y", {"k": (3, 6, 1, 1)})
    tensors = {"data": "z", "weight": "k", "residual": "x"}
    check_computed(made, "conv2d_residual_relu", tensors, tmp_path)


def test_of_rows_that_come_apart(tmp_path: Path) -> None:
    """Rows of the product are a loop over two axes: the operand is one of its own."""
    nodes = [node("MatMul", "z k", "h"), node("Transpose", "x", "t", perm=[1, 0, 2])]
    nodes.append(node("Add", "h t", "y"))
    made = model(nodes, {"x": (5, 3, 6), "z": (3, 5, 4)}, "y", {"k": (4, 6)})
    found = network(saved(made, tmp_path))
    assert [one["op"] for one in found.facts["left_out"]] == ["Transpose"]
    assert [entry["primitive"] for entry in found.entries] == ["matmul_residual"]
