"""Blocked layouts: strides by brute force, round trips, padding lanes, tags."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.errors import ScheduleError
from compiler.schedule.layout import Layout, layout_from_tag


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    """A layout of up to four dimensions, some blocked, some blocked twice."""
    shape = tuple(draw(st.lists(st.integers(1, 6), min_size=1, max_size=4)))
    order = tuple(draw(st.permutations(range(len(shape)))))
    block = st.tuples(st.integers(0, len(shape) - 1), st.integers(1, 4))
    return Layout(shape, order, tuple(draw(st.lists(block, max_size=3))))


def position(layout: Layout, index: tuple[int, ...]) -> int:
    """Where an element lies: digits of its index, innermost block first, as the text form says."""
    digits: list[tuple[int, int]] = []  # (digit, radix), innermost first
    rest = list(index)
    for d, size in reversed(layout.blocks):
        digits.append((rest[d] % size, size))
        rest[d] //= size
    digits += [(rest[d], layout.outer[d]) for d in reversed(layout.order)]
    offset, step = 0, 1
    for digit, radix in digits:
        offset += digit * step
        step *= radix
    return offset


@given(layouts())
@settings(max_examples=100, deadline=None, derandomize=True)
def test_every_element_has_the_place_its_digits_give(layout: Layout) -> None:
    shape = layout.shape
    values = np.arange(1, 1 + int(np.prod(shape)), dtype=np.float32).reshape(shape)
    buffer = layout.pack(values)
    assert buffer.shape == (layout.elements,)
    wanted = np.zeros(layout.elements, np.float32)
    for index in product(*map(range, shape)):
        wanted[position(layout, index)] = values[index]
    np.testing.assert_array_equal(buffer, wanted)  # padding lanes are zero
    np.testing.assert_array_equal(layout.unpack(buffer), values)
    padding = wanted == 0
    buffer[padding] = np.nan  # a kernel may write there
    np.testing.assert_array_equal(layout.unpack(buffer), values)


@given(layouts())
@settings(max_examples=100, deadline=None, derandomize=True)
def test_tags_read_back(layout: Layout) -> None:
    assert layout_from_tag(layout.tag(), layout.shape) == layout


@given(layouts())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_strides(layout: Layout) -> None:
    origin = (0,) * len(layout.shape)
    for d, stride in enumerate(layout.outer_strides):
        if layout.outer[d] > 1:
            at = tuple(layout.block(d) if i == d else 0 for i in range(len(origin)))
            assert position(layout, at) == stride
    for (d, size), stride in zip(layout.blocks, layout.block_strides, strict=True):
        once = sum(other == d for other, _ in layout.blocks) == 1
        if size > 1 and once and layout.shape[d] > 1:
            assert position(layout, tuple(int(i == d) for i in range(len(origin)))) == stride


def test_pack_takes_any_shape_of_the_same_elements() -> None:
    layout = layout_from_tag("aB4b", (2, 6))
    values = np.arange(12.0).reshape(2, 2, 3)
    np.testing.assert_array_equal(layout.pack(values), layout.pack(values.reshape(2, 6)))


def test_the_names_of_onednn() -> None:
    layout = layout_from_tag("aBcd8b", (1, 20, 5, 7))  # nChw8c
    assert (layout.order, layout.blocks) == ((0, 1, 2, 3), ((1, 8),))
    assert layout.outer == (1, 3, 5, 7)
    assert layout.elements == 24 * 35
    assert layout.outer_strides == (840, 280, 56, 8)
    assert layout_from_tag("acdb", (1, 20, 5, 7)).outer_strides == (700, 1, 140, 20)
    assert layout_from_tag("ABcd8b8a", (16, 16, 1, 1)).block_strides == (8, 1)


@pytest.mark.parametrize(
    "tag",
    ["", "ab", "abcde", "aacd", "abcd8", "8b", "abcd8b", "aBcd", "aBcd0b", "aBcd8e", "aBcd 8b",
     "aBcd8B", "aBcd-8b", "aBcd08b", "x"],
)  # fmt: skip
def test_a_wrong_tag_is_refused(tag: str) -> None:
    with pytest.raises(ScheduleError, match="schedule: layout '") as caught:
        layout_from_tag(tag, (1, 20, 5, 7))
    assert len(str(caught.value).splitlines()) == 1


def test_layouts_of_one_memory_have_one_form() -> None:
    """Dimensions that are coalesced, or hold one element, make no difference; padding does."""
    image = layout_from_tag("aBcd16b", (1, 64, 56, 56))
    assert image.form == layout_from_tag("aBc16b", (1, 64, 3136)).form
    assert image.form == layout_from_tag("Ab16a", (64, 3136)).form
    assert image.form != layout_from_tag("aBcd8b", (1, 64, 56, 56)).form
    assert layout_from_tag("abcd", (2, 3, 4, 5)).form == ((120, 1),)
    assert layout_from_tag("ab", (1, 1)).form == ((1, 1),)
    padded = layout_from_tag("aB16b", (3, 17))
    assert padded.padded
    assert padded.form not in (image.form, layout_from_tag("aB16b", (3, 32)).form)
