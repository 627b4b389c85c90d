"""The paper's rankings of schedules: what they are made of, and where they have nothing to say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from compiler.cost.analysed_nest import nest_of_tree
from compiler.cost.cache_levels import level_bytes
from compiler.cost.decision_tree import wins
from compiler.cost.polyrank import polyrank_cost
from compiler.cost.ranking import ranker
from compiler.cost.working_sets import working_sets
from compiler.lower.lowered import lowered
from compiler.model.loop_nest import loop_nest
from compiler.problem.dtypes import F32
from compiler.problem.specification import primitive_from
from compiler.schedule.text import parse_schedule
from compiler.space.candidates import candidates
from compiler.space.scalar import scalar_schedule
from tests.compiler.machines import AVX2, CACHES
from tests.compiler.problem.operators import EDGES, OPERATORS, conv2d, matmul, shipped

PAPER = ("polydl", "polydl_tree")
NEST = loop_nest(primitive_from(conv2d(ic=32, oc=64, ih=14, iw=14))).nest
SCHEDULES = candidates(NEST, AVX2)[::25]


def test_polydl_goes_by_the_cost_of_what_each_level_holds() -> None:
    ranked = ranker("polydl")(NEST, SCHEDULES, AVX2, 1)
    for one in ranked:
        held = level_bytes(
            working_sets(nest_of_tree(lowered(NEST, one.schedule))), AVX2.caches, F32
        )
        assert one.parts == {**held, "cost": polyrank_cost(held)}
        assert one.seconds is None
    costs = [one.parts["cost"] for one in ranked]
    assert costs == sorted(costs)
    assert ranked[0].place == 1


def test_polydl_tree_goes_by_wins() -> None:
    ranked = ranker("polydl_tree")(NEST, SCHEDULES, AVX2, 1)
    held = [
        level_bytes(working_sets(nest_of_tree(lowered(NEST, s))), AVX2.caches, F32)
        for s in SCHEDULES
    ]
    expected = dict(zip(SCHEDULES, wins(held), strict=True))
    assert [one.parts["wins"] for one in ranked] == sorted(expected.values(), reverse=True)
    assert all(one.parts["wins"] == expected[one.schedule] for one in ranked)


@pytest.mark.parametrize("name", PAPER)
def test_what_the_analysis_does_not_see_is_a_tie(name: str) -> None:
    one = parse_schedule("broadcast/vector:oc.8/tile:oc.2+ow.3/order:oc+oh+ow+kh+kw+ic/unroll:4")
    other = one.with_band(unroll=8)
    worse = one.with_band(order=("kh", "kw", "ic", "oh", "oc", "ow"))
    ranked = ranker(name)(NEST, (worse, other, one), AVX2, 1)
    assert [(r.place, r.schedule) for r in ranked] == [(1, one), (1, other), (3, worse)]


def test_the_outermost_parallel_level_counts_once_for_all_threads() -> None:
    found = parse_schedule("broadcast/vector:oc.8/tile:oc.2+ow.7/order:oc+oh+ow+kh+kw+ic")
    parallel = found.with_band(parallel=("oc", "oh"))
    (one,) = ranker("polydl")(NEST, (parallel,), AVX2, 2)
    pairs = working_sets(nest_of_tree(lowered(NEST, parallel)), "oc")
    assert pairs != working_sets(nest_of_tree(lowered(NEST, parallel)))
    held = level_bytes(pairs, AVX2.caches, F32)
    assert one.parts == {**held, "cost": polyrank_cost(held)}


@pytest.mark.parametrize("name", PAPER)
@pytest.mark.parametrize("levels", [0, 1, 2])
def test_machines_without_some_level_of_cache(name: str, levels: int) -> None:
    machine = replace(AVX2, caches=CACHES[:levels])
    ranked = ranker(name)(NEST, SCHEDULES, machine, 1)
    present = [cache.name for cache in machine.caches]
    for one in ranked:
        assert [part for part in one.parts if part not in ("cost", "wins")] == [*present, "memory"]


@pytest.mark.parametrize("name", PAPER)
def test_several_statements_are_ranked_by_their_sum_of_products(name: str) -> None:
    nest = loop_nest(primitive_from(shipped("conv2d_bias_relu"))).nest
    schedules = candidates(nest, AVX2)[::40]
    ranked = ranker(name)(nest, schedules, AVX2, 1)
    assert len(ranked) > 4 and len({tuple(one.parts.items()) for one in ranked}) > 1
    none = loop_nest(primitive_from(EDGES)).nest
    ranked = ranker(name)(none, candidates(none, AVX2), AVX2, 1)
    assert [one.place for one in ranked] == [1] * len(ranked)
    assert ranked[0].parts["memory"] == 0


@pytest.mark.parametrize("name", PAPER)
@pytest.mark.parametrize("operator", ["recurrence", "scatter", "max_pool", "backward_data"])
def test_scalar_schedules_of_one_statement(name: str, operator: str) -> None:
    nest = loop_nest(primitive_from(OPERATORS[operator])).nest
    (one,) = ranker(name)(nest, (scalar_schedule(nest),), AVX2, 1)
    held = level_bytes(working_sets(nest_of_tree(lowered(nest, one.schedule))), AVX2.caches, F32)
    assert {level: one.parts[level] for level in held} == held


@pytest.mark.parametrize("name", PAPER)
def test_a_single_iteration_holds_nothing(name: str) -> None:
    nest = loop_nest(primitive_from(matmul(m=1, n=1, k=1))).nest
    ranked = ranker(name)(nest, candidates(nest, AVX2), AVX2, 1)
    assert {one.place for one in ranked} == {1}
    assert all(value == 0 for one in ranked for value in one.parts.values())
