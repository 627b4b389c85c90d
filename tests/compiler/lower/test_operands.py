"""Operands in their layouts: copies and borders, and what cannot be."""

from __future__ import annotations

import pytest

from compiler.errors import ScheduleError
from compiler.lower.lowered import lowered
from compiler.lower.operands import operands, packed, whole
from compiler.lower.tree import Microkernel
from compiler.model.loop_nest import loop_nest
from compiler.problem.primitive import Access, Primitive
from compiler.problem.specification import primitive_from
from compiler.schedule.layout import Layout
from compiler.schedule.text import parse_schedule
from tests.compiler.problem.lines import primitive_of


def _access(nest: Primitive, tensor: str) -> Access:
    return next(a for s in nest.statements for a in s.reads if a.tensor == tensor)


def test_nothing_to_pad_is_refused_where_no_value_is_known() -> None:
    spec = {
        "name": "window",
        "sizes": {"i": 6, "k": 3},
        "tensors": {"x": ["i + k - 1"], "w": ["k"], "y": ["i"]},
        "statements": ["y[i] += x[i + k] * w[k]"],
    }
    nest = loop_nest(primitive_from(spec)).nest
    layout = Layout(nest.tensor("x").shape, (0,))
    copy = packed(nest, _access(nest, "x"), layout, "a", {})
    assert (copy.shift, copy.target.shape) == ((0,), (8,))
    shifted = Access("x", tuple(i for i in _access(nest, "x").indices))
    longer = Primitive(nest.name, nest.sizes, (("i", 7), ("k", 3)), nest.tensors, nest.statements)
    with pytest.raises(ScheduleError, match="x has no value outside, so it needs no packing"):
        packed(longer, shifted, layout, "a", {})


def test_padding_lies_beside_rows_and_not_behind_a_diagonal() -> None:
    tensors = {"x": ["i", "i"], "z": ["i"], "y": ["i"]}
    nest = primitive_of({"i": 30}, tensors, "y[i] = x[i,i] * x[0,i] * z[i]")
    layout = "layout:x.aB16b+y.A16a"
    tree = lowered(nest, parse_schedule(f"lanes/vector:i.16/order:i/{layout}"))
    (path,) = tree.paths()
    assert isinstance(path.leaf, Microkernel)
    placed = operands(tree, path.leaf)
    addresses = (*placed.reads, *placed.stores)
    assert [str(one.access) for one in addresses if whole(path.leaf, one)] == ["x[0, i]", "y[i]"]


def test_elements_behind_a_loop_are_no_padding() -> None:
    """Row 33 of the blocked output has no writer: the last vector must leave it as it is."""
    for rows, last in (("i", True), ("i + 1", False)):
        spec = {
            "name": "rows",
            "sizes": {"i": 33, "k": 5},
            "tensors": {"x": ["k", "i"], "y": [rows, "k"]},
            "statements": ["y[i,k] = max(y[i,k], x[k,i])"],
        }
        nest = loop_nest(primitive_from(spec)).nest
        tree = lowered(nest, parse_schedule("lanes/vector:i.4/order:i+k/layout:x.Ba4b+y.Ab4a"))
        (path,) = tree.paths()
        assert isinstance(path.leaf, Microkernel)
        assert whole(path.leaf, operands(tree, path.leaf).output) is last
