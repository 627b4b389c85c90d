"""Equations against ONNX's reference, and those that are left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.onnx.expressions import Inexpressible
from tests.harness.onnx.computed import check_computed
from tests.harness.onnx.models import model, node, start

SIZES = {"b": 2, "q": 5, "k": 6, "h": 3, "d": 4}


def dims(term: str) -> tuple[int, ...]:
    return tuple(SIZES[letter] for letter in term)


@pytest.mark.parametrize(
    ("equation", "left", "right"),
    [
        ("bqhd,bkhd->bhqk", "bqhd", "bkhd"),
        ("bqhd, bkhd -> bqhk", "bqhd", "bkhd"),
        ("qd,dk", "qd", "dk"),
        ("qd,kh->qk", "qd", "kh"),
        ("q,d->dq", "q", "d"),
    ],
)
def test_of_two_tensors(equation: str, left: str, right: str, tmp_path: Path) -> None:
    nodes = [node("Einsum", "x z", "h", equation=equation), node("Relu", "h", "y")]
    made = model(nodes, {"x": dims(left), "z": dims(right)}, "y")
    check_computed(made, "einsum_relu", {"left": "x", "right": "z"}, tmp_path)


def test_of_one_tensor(tmp_path: Path) -> None:
    made = model([node("Einsum", "x", "y", equation="bqh->hb")], {"x": dims("bqh")}, "y")
    check_computed(made, "einsum", {"left": "x"}, tmp_path)


@pytest.mark.parametrize(
    ("equation", "told"),
    [
        ("...d,dk", "letters, commas and -> are read"),
        ("", "the equation  of 2 tensors"),
        ("qq,qd", "a letter may stand once in a tensor"),
        ("qd,dk->qb", "a letter may stand once in a tensor"),
        ("qd,qk->dk", "'z' of (4, 6) for qk in qd,qk->dk"),
        ("qdb,dk", "'x' of (5, 4) for qdb in qdb,dk"),
        ("qd,dk->", "a tensor without dimensions"),
    ],
)
def test_equations_that_are_not_read(equation: str, told: str, tmp_path: Path) -> None:
    made = node("Einsum", "x z", "y", equation=equation)
    with pytest.raises(Inexpressible) as caught:
        start(made, tmp_path, x=dims("qd"), z=dims("dk"))
    assert told in str(caught.value)
