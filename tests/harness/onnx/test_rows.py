"""Softmax along any axis, as opsets have it."""

from __future__ import annotations

from pathlib import Path

from tests.harness.onnx.computed import check_computed
from tests.harness.onnx.models import model, node, start


def test_softmax_went_over_all_later_axes_before_opset_13(tmp_path: Path) -> None:
    plain = node("Softmax", "x", "y")
    assert start(plain, tmp_path, 11, x=(2, 3, 4)).sizes == {"m": 2, "n": 12}
    assert start(plain, tmp_path, 13, x=(2, 3, 4)).sizes == {"m": 6, "n": 4}
    assert start(plain, tmp_path, 11, x=(5,)).sizes == {"m": 5, "n": 1}
    along = node("Softmax", "x", "y", axis=1)
    assert start(along, tmp_path, 13, x=(2, 1000, 1, 1)).sizes == {"m": 2, "n": 1000}


def test_softmax_along_an_axis_that_is_not_the_last(tmp_path: Path) -> None:
    nodes = [node("Softmax", "x", "h", axis=-3), node("Mul", "h gate", "y")]
    made = model(nodes, {"x": (2, 3, 4, 5), "gate": (4, 5)}, "y")
    check_computed(made, "softmax_inner_mul", {"x": "x", "gate": "gate"}, tmp_path)
