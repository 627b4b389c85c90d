"""Traffic against a cache that forgets the line not used for longest."""

from __future__ import annotations

from collections import OrderedDict
from itertools import product
from random import Random

import pytest

from compiler.cost.footprints import Footprint, NestLoop, nest_loops
from compiler.cost.traffic import GONE, KEPT, Traffic
from compiler.lower.lowered import lowered
from compiler.model.loop_nest import loop_nest
from compiler.problem.dtypes import F32
from compiler.problem.primitive import Primitive
from compiler.problem.specification import primitive_from
from compiler.schedule.layout import Layout
from compiler.schedule.schedule import Band, Schedule
from tests.compiler.problem.operators import matmul

ORDERS = [("m", "n", "k"), ("m", "k", "n"), ("k", "m", "n"), ("n", "k", "m")]
SIZES = {"m": 12, "n": 32, "k": 48}


def _nest() -> Primitive:
    return loop_nest(primitive_from(matmul(**SIZES))).nest


def _traffic(nest: Primitive, order: tuple[str, ...]) -> tuple[Traffic, list[NestLoop]]:
    loops = nest_loops(lowered(nest, Schedule((Band("scalar", order),))).paths()[0])
    statement = nest.statements[0]
    made = {
        access.tensor: Footprint(access, Layout(nest.tensor(access.tensor).shape, (0, 1)))
        for access in (statement.target, *statement.reads)
    }
    read = [made["a"], made["b"]]
    return Traffic(loops, dict(nest.extents), read, [], made["c"], len(loops)), loops


Line = tuple[str, int]


def _lines(nest: Primitive, order: tuple[str, ...]) -> list[tuple[Line, int]]:
    """Lines in the order in which a call touches them; the written tensor's count twice."""
    statement = nest.statements[0]
    extents = dict(nest.extents)
    touched = []
    for at in product(*(range(extents[loop]) for loop in order)):
        point = dict(zip(order, at, strict=True))
        for access in (*statement.reads, statement.target):
            row, column = (index.at(point) for index in access.indices)
            width = nest.tensor(access.tensor).shape[1]
            line = (access.tensor, (row * width + column) * F32.bytes // 64)
            touched.append((line, 2 if access is statement.target else 1))
    return touched


def _simulated(touched: list[tuple[Line, int]], capacity: int) -> int:
    """Lines fetched by the second of two equal calls."""
    held: OrderedDict[Line, None] = OrderedDict()
    fetched = 0
    for call in range(2):
        for line, count in touched:
            if line in held:
                held.move_to_end(line)
                continue
            fetched += call * count
            held[line] = None
            if len(held) > capacity:
                held.popitem(last=False)
    return fetched


@pytest.mark.parametrize("order", ORDERS, ids="".join)
def test_as_many_lines_as_a_cache_fetches(order: tuple[str, ...]) -> None:
    nest = _nest()
    traffic, _ = _traffic(nest, order)
    touched = _lines(nest, order)
    for capacity in (8, 24, 48, 100, 400):
        most = _simulated(touched, int(capacity * KEPT))
        least = _simulated(touched, int(capacity * GONE))
        assert least / 1.5 <= traffic.moved(capacity) <= 1.5 * most


def test_what_fits_moves_nothing_and_smaller_caches_never_less() -> None:
    for order in ORDERS:
        traffic, _ = _traffic(_nest(), order)
        found = [traffic.moved(capacity) for capacity in (0, 1, 10, 30, 100, 300, 1000, 10**6)]
        assert found == sorted(found, reverse=True)
        assert found[-1] == 0


def test_alone_lines_cost_more() -> None:
    random = Random(0)
    for order in ORDERS:
        traffic, _ = _traffic(_nest(), order)
        capacity = random.randint(4, 40)
        assert traffic.moved(capacity, scattered=6.0) > traffic.moved(capacity)
        assert traffic.moved(capacity, crowding=True) >= traffic.moved(capacity)


def test_stores_that_share_sets_wait() -> None:
    """Down a column of rows of whole pages, not along them; and only where lines are fetched."""
    spec = {
        "name": "rows",
        "sizes": {"m": 64, "n": 1024},
        "tensors": {"x": ["n"], "y": ["m", "n"]},
        "statements": ["y[m,n] = x[n]"],
    }
    nest = primitive_from(spec)
    layout = Layout(nest.tensor("y").shape, (0, 1))
    written = Footprint(nest.statements[0].target, layout)

    def waits(order: tuple[str, ...], lines: int) -> float:
        loops = nest_loops(lowered(nest, Schedule((Band("scalar", order),))).paths()[0])
        traffic = Traffic(loops, dict(nest.extents), [], [], written, len(loops))
        return traffic.moved(lines, near=True) - traffic.moved(lines)

    assert waits(("n", "m"), 700) > 10 * layout.bytes / 64
    assert waits(("m", "n"), 700) == 0
    assert waits(("n", "m"), 100_000) == 0
