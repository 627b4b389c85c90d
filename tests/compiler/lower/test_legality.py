"""The closed form, isl and the enumeration of all pairs of iterations give one answer."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, product
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.lower.legality import by_isl, structural
from compiler.lower.lowered import lowered
from compiler.lower.tree import Level, Path
from compiler.model.loop_nest import loop_nest
from compiler.problem.primitive import Access, Primitive, Statement
from compiler.problem.specification import primitive_from
from compiler.schedule.schedule import Schedule
from compiler.schedule.text import parse_schedule
from tests.compiler.problem.operators import OPERATORS, RECURRENCE, conv2d, matmul
from tests.compiler.schedule.random_schedules import random_schedule

Point = dict[str, int]
TINY = {"n": 1, "ih": 3, "iw": 3, "kh": 2, "kw": 2}


def _iterations(nest: Primitive, statement: Statement) -> list[Point]:
    """Iterations that write, in program order."""
    ranges = (range(nest.extent(loop)) for loop in statement.loops)
    points = [dict(zip(statement.loops, p, strict=True)) for p in product(*ranges)]
    shape = nest.tensor(statement.target.tensor).shape
    return [
        p
        for p in points
        if all(0 <= i.at(p) < n for i, n in zip(statement.target.indices, shape, strict=True))
    ]


def _element(access: Access, point: Point) -> tuple[int, ...]:
    return tuple(index.at(point) for index in access.indices)


def _dependent(nest: Primitive, statement: Statement) -> Iterator[tuple[Point, Point, bool]]:
    """(earlier, later, only a reduction's own) for every pair that touches one element."""
    own = [a for a in statement.reads if a.tensor == statement.target.tensor]
    reduction = statement.reduction is not None and not own
    for p, q in combinations(_iterations(nest, statement), 2):
        first, second = _element(statement.target, p), _element(statement.target, q)
        reads = [_element(a, q) for a in own], [_element(a, p) for a in own]
        if first == second or first in reads[0] or second in reads[1]:
            yield p, q, reduction


def _broken_by_enumeration(nest: Primitive, schedule: Schedule) -> bool:
    for path in lowered(nest, schedule).paths():
        grains = {grain.loop: grain for grain in path.leaf.grains}
        own = (*path.levels, *path.leaf.points)
        held = [grains[level.loop].pieces_of_points(level) for level in own]
        for p, q, reduction in _dependent(nest, nest.statements[path.leaf.statement]):
            times = [
                [pieces[x[level.loop]] for level, pieces in zip(own, held, strict=True)]
                for x in (p, q)
            ]
            if reduction and _on_two_copies(path, own, times):
                continue
            first = next(k for k in range(len(own)) if times[0][k] != times[1][k])
            if own[first].parallel or (not reduction and times[0] > times[1]):
                return True
    return False


def _on_two_copies(path: Path, own: tuple[Level, ...], times: list[list[int]]) -> bool:
    places = [own.index(level) for level in path.private]
    return any(times[0][place] != times[1][place] for place in places)


def _all_agree(nest: Primitive, schedule: Schedule) -> bool:
    tree = lowered(nest, schedule)
    closed, full = structural(tree), by_isl(tree)
    broken = _broken_by_enumeration(nest, schedule)
    assert (closed is not None) == broken, (str(schedule), closed)
    assert (full is not None) == broken, (str(schedule), full)
    return broken


def _small(spec: dict[str, Any]) -> Primitive:
    sizes = {
        name: TINY.get(name, min(value, 3 if len(spec["sizes"]) < 6 else 2))
        for name, value in spec["sizes"].items()
    }
    return loop_nest(primitive_from({**spec, "sizes": sizes})).nest


@pytest.mark.parametrize("name", OPERATORS)
def test_every_operator(name: str) -> None:
    nest = _small({**OPERATORS[name]})
    random = Random(name)
    for _ in range(8):
        _all_agree(nest, random_schedule(nest, random))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(0, 2), st.integers(1, 2), st.integers(1, 3), st.integers(0, 10**6))
def test_padded_convolutions(pad: int, stride: int, kh: int, seed: int) -> None:
    spec = conv2d(
        ic=2, oc=2, ih=3, iw=2, kh=kh, kw=2, pad_h=pad, pad_w=1, stride=stride
    )  # fmt: skip
    nest = loop_nest(primitive_from(spec)).nest
    _all_agree(nest, random_schedule(nest, Random(seed)))


def _recurrence(shifts: list[tuple[int, int]], scale: int, start: int) -> Primitive:
    def index(loop: str, shift: int) -> str:
        return f"{scale}*{loop} + {start + shift}"

    reads = " + ".join(f"y[{index('t', -dt)}, {index('i', -di)}]" for dt, di in shifts)
    spec = {
        "name": "recurrence",
        "sizes": {"t": 4, "i": 5},
        "tensors": {"x": ["t", "i"], "y": [f"{scale}*t", f"{scale}*i"]},
        "outside": {"y": 0},
        "statements": [f"y[{index('t', 0)}, {index('i', 0)}] = {reads} + x[t,i]"],
    }
    return loop_nest(primitive_from(spec)).nest


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(st.integers(-2, 2), st.integers(-3, 3)), min_size=1, max_size=2),
    st.integers(1, 2),
    st.integers(-3, 1),
    st.integers(0, 10**6),
)
def test_recurrences(shifts: list[tuple[int, int]], scale: int, start: int, seed: int) -> None:
    """Writes outside are dropped, before the tensor's start as well."""
    nest = _recurrence(shifts, scale, start)
    random = Random(seed)
    for _ in range(3):
        _all_agree(nest, random_schedule(nest, random))


def test_only_what_is_written_depends_on_others() -> None:
    """Of t = 0 to 3 the last two write inside, one reads what the other has written."""
    nest = _recurrence([(2, 0)], scale=2, start=-3)
    assert _all_agree(nest, parse_schedule("scalar/order:t+i/parallel:t"))
    assert not _all_agree(nest, parse_schedule("scalar/order:t+i/parallel:i"))
    assert not _all_agree(nest, parse_schedule("scalar/order:t@1+i+t/block:t@1.2/parallel:t@1"))


def test_random_schedules_are_both_legal_and_not() -> None:
    nest = loop_nest(primitive_from(RECURRENCE)).nest
    random = Random(0)
    broken = sum(_all_agree(nest, random_schedule(nest, random)) for _ in range(60))
    assert 10 < broken < 50


def test_a_parallel_reduction_is_named() -> None:
    nest = loop_nest(primitive_from(conv2d(ic=4))).nest
    order = "order:ic@1+oc+oh+ow+ic+kh+kw/block:ic@1.2"
    assert structural(lowered(nest, parse_schedule(f"scalar/{order}"))) is None
    assert structural(lowered(nest, parse_schedule(f"scalar/{order}/parallel:oc+oh"))) is None
    for check in (structural, by_isl):
        refused = check(lowered(nest, parse_schedule(f"scalar/{order}/parallel:ic@1")))
        assert refused is not None
        assert (refused.kind, refused.loop) == ("parallel", "ic@1")
        assert str(refused) == (
            "schedule: parallel loop ic@1 carries the reduction of out (RAW/WAW out[0, oc, oh, ow])"
        )


def test_a_reduction_with_a_copy_a_piece_may_be_shared() -> None:
    nest = loop_nest(primitive_from(conv2d(ic=4, oc=2, ih=3, iw=3, kh=2, kw=2))).nest
    line = "scalar/order:ic@1+kh+oc+oh+ow+ic+kw/block:ic@1.2/parallel:ic@1"
    private = "/private:out.ic@1"
    assert not _all_agree(nest, parse_schedule(f"{line}{private}"))
    assert _all_agree(nest, parse_schedule(f"{line}+kh{private}"))  # kh adds to one copy
    assert _all_agree(nest, parse_schedule(f"{line}+ic{private}"))  # so does ic inside a piece
    assert not _all_agree(nest, parse_schedule(f"{line}+kh{private}+out.kh"))
    assert not _all_agree(nest, parse_schedule(f"{line}+oc{private}"))


def test_a_parallel_level_of_one_piece_carries_nothing() -> None:
    nest = loop_nest(primitive_from(matmul())).nest
    schedule = parse_schedule("scalar/order:k@1+m+n+k/block:k@1.6/parallel:k@1")
    assert not _all_agree(nest, schedule)


def test_an_interchange_that_runs_backwards_is_named() -> None:
    nest = loop_nest(primitive_from(RECURRENCE)).nest
    assert not _all_agree(nest, parse_schedule("scalar/order:t+i"))
    assert not _all_agree(nest, parse_schedule("scalar/order:t+i/parallel:i"))
    for check in (structural, by_isl):
        refused = check(lowered(nest, parse_schedule("scalar/order:i+t")))
        assert refused is not None
        assert str(refused).startswith("schedule: loop i runs a dependence backwards (RAW y[")
    tiled = parse_schedule("scalar/order:t@1+i@1+t+i/block:t@1.2+i@1.3")
    assert _all_agree(nest, tiled)
