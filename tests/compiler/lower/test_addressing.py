"""Offsets of accesses against the places that Layout.pack gives the elements."""

from __future__ import annotations

import re
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.errors import ScheduleError
from compiler.lower.addressing import Address
from compiler.problem.primitive import Access, Affine
from compiler.schedule.layout import Layout, layout_from_tag

Point = dict[str, int]


def plain(*loops: str) -> Access:
    return Access("t", tuple(Affine(((loop, 1),)) for loop in loops))


def places(layout: Layout) -> dict[tuple[int, ...], int]:
    """Index -> position, as Layout.pack says."""
    count = int(np.prod(layout.shape))
    buffer = layout.pack(np.arange(1, count + 1).reshape(layout.shape))
    position = {int(value): at for at, value in enumerate(buffer) if value}
    indices = product(*map(range, layout.shape))
    return {index: position[number] for number, index in enumerate(indices, 1)}


def value(expression: str, point: Point) -> int:
    """A C expression of non-negative numbers, with names bound to a point."""
    assert re.fullmatch(r"[\w\s*/%+-]+", expression)
    python = expression.replace("/", "//")
    return int(eval(python, {"__builtins__": {}}, dict(point)))


@st.composite
def blocked_layouts(draw: st.DrawFn) -> Layout:
    """Up to three dimensions, each blocked at most once."""
    shape = tuple(draw(st.lists(st.integers(1, 9), min_size=1, max_size=3)))
    order = tuple(draw(st.permutations(range(len(shape)))))
    chosen = draw(st.permutations(range(len(shape))))[: draw(st.integers(0, len(shape)))]
    return Layout(shape, order, tuple((d, draw(st.integers(1, 5))) for d in chosen))


@given(blocked_layouts())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_base_is_where_the_element_lies(layout: Layout) -> None:
    loops = "xyz"[: len(layout.shape)]
    address = Address(plain(*loops), layout)
    expression = address.base({loop: loop for loop in loops}, {})
    for index, position in places(layout).items():
        assert value(expression, dict(zip(loops, index, strict=True))) == position


@given(blocked_layouts())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_steps_of_whole_blocks_and_inside_one(layout: Layout) -> None:
    loops = "xyz"[: len(layout.shape)]
    address = Address(plain(*loops), layout)
    found = places(layout)
    for d, loop in enumerate(loops):
        block = layout.block(d)
        for step in (1, block, 2 * block):
            if step % block and block % step and block < layout.shape[d]:
                continue
            moved = [(i, (*i[:d], i[d] + step, *i[d + 1 :])) for i in found]
            inside = [
                (i, j) for i, j in moved
                if j in found and (step % block == 0 or i[d] // block == j[d] // block)
            ]  # fmt: skip
            wanted = address.coefficient(loop, step)
            assert {found[j] - found[i] for i, j in inside} <= {wanted}
        if layout.shape[d] > 1 < block:
            first = (0,) * len(loops)
            second = tuple(int(i == d) for i in range(len(loops)))
            assert address.contiguous(loop) == (found[second] - found[first] == 1)


def test_affine_indices_and_shifts() -> None:
    access = Access("t", (Affine((("kh", 2), ("oh", 3)), -1), Affine((("c", 1),))))
    layout = layout_from_tag("aB4b", (20, 6))
    address = Address(access, layout, (1, 0))
    expression = address.base({"oh": "oh", "kh": "kh", "c": "c"}, {})
    found = places(layout)
    for oh, kh, c in product(range(4), range(4), range(6)):
        point = {"oh": oh, "kh": kh, "c": c}
        assert value(expression, point) == found[(3 * oh + 2 * kh, c)]
    assert address.coefficient("oh", 2) == 6 * 8
    assert address.coefficient("kh", 1) == 2 * 8
    assert address.coefficient("other", 1) == 0
    assert address.uses("kh")
    assert not address.uses("other")


def test_known_alignment_saves_the_remainder() -> None:
    address = Address(plain("x", "c"), layout_from_tag("aB8b", (3, 16)))
    assert address.base({"c": "c"}, {"c": 8}) == "c / 8 * 8"
    assert address.base({"c": "c"}, {"c": 4}) == "c / 8 * 8 + c % 8 * 1"
    assert address.base({}, {}) == "0"


def test_block_of() -> None:
    address = Address(plain("x", "c"), layout_from_tag("aB8b", (3, 16)))
    assert (address.block_of("c"), address.block_of("x")) == (8, 1)


def test_what_cannot_be_blocked() -> None:
    strided = Access("t", (Affine((("i", 2),)),))
    layout = Layout((8,), (0,), ((0, 4),))
    with pytest.raises(ScheduleError, match=r"dimension 0 is indexed by '2\*i', only one indexed"):
        Address(strided, layout)
    with pytest.raises(ScheduleError, match=r"t\[i, i\]: i indexes two dimensions, one can be"):
        Address(plain("i", "i"), Layout((8, 8), (0, 1), ((0, 4), (1, 2))))
    Address(plain("i", "i"), Layout((8, 8), (0, 1), ((1, 4),)))
    with pytest.raises(ScheduleError, match="a dimension is blocked twice"):
        Address(plain("i"), Layout((8,), (0,), ((0, 2), (0, 2))))
    uneven = Address(plain("i"), Layout((9,), (0,), ((0, 4),)))
    with pytest.raises(ScheduleError, match="a step of 3 along i does not fit blocks of 4"):
        uneven.coefficient("i", 3)
