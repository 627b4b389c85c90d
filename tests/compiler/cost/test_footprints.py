"""Footprints against the elements that a box of iterations touches, one by one."""

from __future__ import annotations

from collections import Counter
from itertools import product
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.cost.footprints import Footprint, nest_loops
from compiler.lower.lowered import lowered
from compiler.model.loop_nest import loop_nest
from compiler.problem.primitive import Access, Primitive
from compiler.problem.specification import primitive_from
from compiler.schedule.layout import Layout, layout_from_tag
from tests.compiler.problem.operators import OPERATORS, conv2d, matmul
from tests.compiler.schedule.random_schedules import random_schedule


def _touched(
    nest: Primitive, access: Access, starts: dict[str, int], points: dict[str, int]
) -> int:
    """Distinct elements inside the tensor that a box of iterations names."""
    shape = nest.tensor(access.tensor).shape
    used = sorted({loop for index in access.indices for loop in index.loops})
    ranges = (range(starts[loop], starts[loop] + points[loop]) for loop in used)
    found = set()
    for at in product(*ranges):
        element = tuple(i.at(dict(zip(used, at, strict=True))) for i in access.indices)
        if all(0 <= e < size for e, size in zip(element, shape, strict=True)):
            found.add(element)
    return len(found)


def _plain(nest: Primitive, access: Access) -> Footprint:
    tensor = nest.tensor(access.tensor)
    return Footprint(access, Layout(tensor.shape, tensor.stored))


@given(st.integers(0, 10**6), st.integers(1, 3), st.integers(0, 2))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_no_box_touches_more(seed: int, stride: int, pad: int) -> None:
    random = Random(seed)
    spec = conv2d(ic=3, oc=4, ih=9, iw=8, stride=stride, pad_h=pad, pad_w=1)
    nest = loop_nest(primitive_from(spec)).nest
    extents = dict(nest.extents)
    for access in (nest.statements[0].target, *nest.statements[0].reads):
        points = {loop: random.randint(1, n) for loop, n in extents.items()}
        starts = {loop: random.randint(0, n - points[loop]) for loop, n in extents.items()}
        bound = _plain(nest, access).elements(points)
        assert _touched(nest, access, starts, points) <= bound
        assert bound <= nest.tensor(access.tensor).elements


@given(st.integers(0, 10**6))
@settings(max_examples=30, deadline=None, derandomize=True)
def test_exact_where_windows_overlap(seed: int) -> None:
    random = Random(seed)
    spec = conv2d(ic=3, oc=4, ih=9, iw=8, pad_h=0, pad_w=0)
    for nest in (loop_nest(primitive_from(s)).nest for s in (spec, matmul(), OPERATORS["batched"])):
        extents = dict(nest.extents)
        points = {loop: random.randint(1, n) for loop, n in extents.items()}
        starts = {loop: random.randint(0, n - points[loop]) for loop, n in extents.items()}
        for access in (nest.statements[0].target, *nest.statements[0].reads):
            exact = _touched(nest, access, starts, points)
            assert _plain(nest, access).elements(points) == exact


def _lines_touched(
    nest: Primitive, access: Access, layout: Layout, starts: dict[str, int], points: dict[str, int]
) -> int:
    """Distinct lines of 64 bytes that a box of iterations names, element by element."""
    order = layout.unpack(np.arange(layout.elements, dtype=np.float32)).astype(int)
    loops = [loop for loop, _ in nest.extents]
    ranges = (range(starts[loop], starts[loop] + points[loop]) for loop in loops)
    found = set()
    for at in product(*ranges):
        element = tuple(i.at(dict(zip(loops, at, strict=True))) for i in access.indices)
        found.add(order[element] * layout.dtype.bytes // 64)
    return len(found)


@pytest.mark.parametrize(
    ("tag", "points", "lines"),
    [
        ("ab", {"m": 1, "k": 1}, 1),
        ("ab", {"m": 1, "k": 16}, 1),
        ("ab", {"m": 4, "k": 32}, 8),
        ("ab", {"m": 4, "k": 64}, 16),  # rows side by side: one piece
        ("ba", {"m": 4, "k": 32}, 32),
        ("Ab16a", {"m": 16, "k": 64}, 64),
        ("Ba16b", {"m": 8, "k": 32}, 16),
        ("Ba16b", {"m": 32, "k": 16}, 32),
    ],
)
def test_lines_of_aligned_boxes_are_exact(tag: str, points: dict[str, int], lines: int) -> None:
    nest = loop_nest(primitive_from(matmul(m=32, n=8, k=64))).nest
    access = next(a for a in nest.statements[0].reads if a.tensor == "a")
    layout = layout_from_tag(tag, nest.tensor("a").shape)
    starts = {"m": 0, "n": 0, "k": 0}
    points = {"n": 1, **points}
    assert _lines_touched(nest, access, layout, starts, points) == lines
    assert Footprint(access, layout).lines(points).touched == lines


@given(st.integers(0, 10**6), st.sampled_from(["abcd", "acdb", "aBcd4b", "aBcd16b"]))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_lines_are_near_what_boxes_touch_on_the_mean(seed: int, tag: str) -> None:
    random = Random(seed)
    spec = conv2d(ic=20, oc=4, ih=13, iw=12, pad_h=0, pad_w=0, stride=random.choice((1, 2)))
    nest = loop_nest(primitive_from(spec)).nest
    extents = dict(nest.extents)
    access = next(a for a in nest.statements[0].reads if a.tensor == "data")
    shape = nest.tensor("data").shape
    if len(shape) != 4:
        return
    layout = layout_from_tag(tag, shape)
    points = {loop: random.randint(1, min(n, 6)) for loop, n in extents.items()}
    counts = []
    for _ in range(6):
        starts = {loop: random.randint(0, n - points[loop]) for loop, n in extents.items()}
        counts.append(_lines_touched(nest, access, layout, starts, points))
    found = Footprint(access, layout).lines(points).touched
    assert min(counts) / 2 <= found <= 2 * max(counts)


def test_rows_a_power_of_two_apart_crowd_into_few_sets() -> None:
    for k, sets in ((1024, 1), (1024 + 16, 64), (512, 2), (256, 4)):  # rows of 4 KB, of 64 sets
        nest = loop_nest(primitive_from(matmul(m=32, n=8, k=k))).nest
        access = next(a for a in nest.statements[0].reads if a.tensor == "a")
        lines = _plain(nest, access).lines({"m": 32, "n": 1, "k": 1})
        assert lines.touched == 32
        assert lines.crowded == 32 * 64 / sets


@pytest.mark.parametrize("seed", range(20))
def test_loops_hold_the_pieces_of_the_levels(seed: int) -> None:
    random = Random(seed)
    nest = loop_nest(primitive_from(conv2d(n=2, ic=7, oc=9))).nest
    schedule = random_schedule(nest, random)
    (path,) = lowered(nest, schedule).paths()
    loops = nest_loops(path)
    assert tuple(x.name for x in loops) == tuple(level.name for level in path.levels)
    grains = {grain.loop: grain for grain in path.leaf.grains}
    inside = dict(nest.extents)
    for level, outer in zip(path.levels, loops, strict=True):
        points = grains[level.loop].pieces_of_points(level)
        largest = max(Counter(points).values())
        assert largest <= outer.points <= inside[outer.loop]
        assert outer.trips * outer.points == pytest.approx(inside[outer.loop])
        inside[outer.loop] = outer.points
