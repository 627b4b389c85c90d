"""Reductions over any axes, named as opsets name them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto

from harness.onnx.expressions import Inexpressible
from harness.onnx.reductions import REDUCTIONS
from harness.onnx.starts import start_of
from tests.harness.onnx.computed import check_computed
from tests.harness.onnx.models import graph_of, model, node, saved, start

X = (2, 3, 4, 5)
OWN = {  # for operators whose axes are attributes until opset 18, the names of their primitives
    "ReduceL1": "reduce_l1",
    "ReduceL2": "reduce_l2",
    "ReduceMax": "reduce_max",
    "ReduceMean": "reduce_mean",
    "ReduceMin": "reduce_min",
    "ReduceSumSquare": "reduce_sum_square",
}


def test_all_but_one_have_attributes() -> None:
    assert {*OWN, "ReduceSum"} == set(REDUCTIONS)


@pytest.mark.parametrize("op", OWN)
@pytest.mark.parametrize("axes", [[1], [0, -2]])
def test_over_axes_in_between(op: str, axes: list[int], tmp_path: Path) -> None:
    nodes = [node(op, "x", "h", axes=axes), node("Sub", "z h", "y")]
    kept = [1 if axis in axes or axis - 4 in axes else dim for axis, dim in enumerate(X)]
    made = model(nodes, {"x": X, "z": kept}, "y")
    check_computed(made, f"{OWN[op]}_sub", {"x": "x", "other": "z"}, tmp_path)


def test_axes_that_are_an_input(tmp_path: Path) -> None:
    nodes = [node("ReduceSum", "x axes", "y", keepdims=0)]
    made = model(nodes, {"x": X}, "y", {"axes": np.array([-3, 3], np.int64)})
    check_computed(made, "reduce_sum", {"x": "x"}, tmp_path)


def test_over_everything(tmp_path: Path) -> None:
    nodes = [node("ReduceSum", "x", "h", keepdims=0), node("Abs", "h", "y")]
    check_computed(model(nodes, {"x": X}, "y"), "reduce_sum_abs", {"x": "x"}, tmp_path)


def test_axes_that_are_not_known(tmp_path: Path) -> None:
    nodes = [node("Cast", "z", "axes", to=TensorProto.INT64), node("ReduceMax", "x axes", "y")]
    graph = graph_of(saved(model(nodes, {"x": X, "z": (1,)}, "y", opset=18), tmp_path))
    with pytest.raises(Inexpressible, match="its axes are not known"):
        start_of(graph.nodes[1], graph)


def test_no_axis_at_all(tmp_path: Path) -> None:
    made = node("ReduceMax", "x", "y", noop_with_empty_axes=1)
    with pytest.raises(Inexpressible, match="it goes over no axis"):
        start(made, tmp_path, 18, x=X)
