"""Which loops statements share, and that a model prefers it where rows stay in a cache."""

from __future__ import annotations

from typing import Any

import pytest

from compiler.cost.roofline import Roofline
from compiler.lower.coverage import uncovered
from compiler.lower.fit import fitted
from compiler.lower.legality import by_isl
from compiler.model.loop_nest import loop_nest
from compiler.pipeline import ranked_schedules
from compiler.problem.primitive import Primitive
from compiler.problem.specification import primitive_from
from compiler.schedule.schedule import Schedule
from compiler.space.candidates import candidates
from tests.compiler.machines import AVX2, AVX512, NEON
from tests.compiler.problem.operators import shipped

LINES: dict[str, dict[str, Any]] = {
    "softmax": shipped("softmax", m=1024, n=1000),
    "layernorm": shipped("layernorm", m=1024, n=768),
    "columns": {  # every row reads all sums: pieces of rows would compute them again and again
        "name": "columns",
        "sizes": {"m": 1024, "n": 1024},
        "tensors": {"x": ["m", "n"], "s": ["n"], "y": ["m", "n"]},
        "temporary": ["s"],
        "plain": ["x", "y"],
        "statements": ["s[n] += x[m,n]", "y[m,n] = x[m,n] / s[n]"],
    },
}


def _attached(schedule: Schedule) -> set[int]:
    return {one.statement for band in schedule.bands for one in band.attached}


def _fused(schedule: Schedule) -> set[int]:
    return {number for band in schedule.bands for number in band.fused}


def _nest(name: str) -> Primitive:
    return loop_nest(primitive_from(LINES[name])).nest


@pytest.mark.parametrize("name", ["softmax", "layernorm"])
def test_rows_go_through_all_statements(name: str) -> None:
    primitive = primitive_from(LINES[name])
    for machine, threads in ((AVX512, 1), (AVX512, 4), (AVX2, 4), (NEON, 1)):
        best = ranked_schedules(primitive, machine, threads)[0].schedule
        inside = _attached(best) | _fused(best)
        assert inside == set(range(len(primitive.statements) - 1)), str(best)
        tree = fitted(loop_nest(primitive).nest, best)
        assert by_isl(tree) is None and uncovered(tree) is None
        assert tree.parallel == (threads > 1)


def test_bands_are_apart_without_fusion_and_where_rows_must_wait() -> None:
    assert not any(map(_attached, candidates(_nest("softmax"), AVX512, fuse=False)))
    best = ranked_schedules(primitive_from(LINES["columns"]), AVX512)[0].schedule
    assert not any(one.at.startswith("m") for band in best.bands for one in band.attached)


def test_what_is_left_in_a_cache_is_not_fetched_again() -> None:
    nest = _nest("softmax")
    apart, *shared = candidates(nest, AVX512)
    model = Roofline(nest, AVX512)
    rows = min(shared, key=lambda schedule: model.estimate(schedule).seconds)
    assert model.estimate(rows).moved["L3"] < 0.7 * model.estimate(apart).moved["L3"]
    wide = loop_nest(primitive_from(shipped("softmax", m=2, n=1_000_000))).nest
    model = Roofline(wide, AVX512)  # a row of 4 MB is gone from L2 when it is read again
    moved = [model.estimate(schedule).moved["L3"] for schedule in candidates(wide, AVX512)]
    assert max(moved) < 1.02 * min(moved)


def test_sums_in_copies_have_no_loops_inside() -> None:
    """A host whose threads have a copy each is left apart: its sums are whole after its loops."""
    nest = loop_nest(primitive_from(shipped("squeeze_excite", n=3, c=24, r=3, h=24, w=26))).nest
    found = candidates(nest, NEON, 2)
    private = [s for s in found if any(band.private for band in s.bands)]
    assert private
    for schedule in private:
        tree = fitted(nest, schedule)
        assert by_isl(tree) is None and uncovered(tree) is None
