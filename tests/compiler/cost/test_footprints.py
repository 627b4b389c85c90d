"""Footprints against the elements that a box of iterations touches, one by one."""

from __future__ import annotations

from itertools import product
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.cost.footprints import Footprint, outer_loops
from compiler.model.loop_nest import loop_nest
from compiler.problem.primitive import Access, Primitive
from compiler.problem.specification import primitive_from
from compiler.schedule.schedule import parse_schedule
from compiler.schedule.tiling import levels
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
        bound = Footprint(nest, access).elements(points)
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
            assert Footprint(nest, access).elements(points) == exact


def test_by_depth_shrinks_to_one_microkernel() -> None:
    nest = loop_nest(primitive_from(matmul(m=12, n=32, k=20))).nest
    schedule = parse_schedule(
        "broadcast/vector:n.8/tile:n.2+m.3/order:k@1+n+m+k/block:k@1.5/layout:b.Ba8b"
    )
    loops = outer_loops(nest, schedule, ("k",))
    assert [(x.name, x.loop, x.trips, x.points) for x in loops] == [
        ("k@1", "k", 4, 5),
        ("n", "n", 2, 16),
        ("m", "m", 4, 3),
    ]
    found = {
        access.tensor: Footprint(nest, access).by_depth(loops)
        for access in (nest.statements[0].target, *nest.statements[0].reads)
    }
    assert found == {
        "a": [240, 60, 60, 15],
        "b": [640, 160, 80, 80],
        "c": [384, 384, 192, 48],
    }


@pytest.mark.parametrize("seed", range(20))
def test_outer_loops_hold_the_pieces_of_the_levels(seed: int) -> None:
    random = Random(seed)
    nest = loop_nest(primitive_from(conv2d(n=2, ic=7, oc=9))).nest
    schedule = random_schedule(nest, random)
    reduction = nest.statements[0].reduction_loops
    loops = outer_loops(nest, schedule, reduction)
    assert tuple(x.name for x in loops) == schedule.outer_levels(reduction)
    largest = {level.name: max(size for _, size in level.runs) for level in levels(nest, schedule)}
    inside = dict(nest.extents)
    for outer in loops:
        assert largest[outer.name] <= outer.points <= inside[outer.loop]
        assert outer.trips * outer.points >= inside[outer.loop]
        inside[outer.loop] = outer.points
