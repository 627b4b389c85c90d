"""Rankings: best first, ties by text, unknown names."""

from __future__ import annotations

from random import Random

import pytest

from compiler.cost.ranking import RANKERS, Ranked, best_varied, ranker
from compiler.errors import CompilerError
from compiler.model.loop_nest import loop_nest
from compiler.problem.specification import primitive_from
from compiler.schedule.schedule import Band, Schedule
from compiler.space.candidates import candidates
from tests.compiler.machines import AVX2
from tests.compiler.problem.operators import conv2d


def test_best_first_whatever_the_order_of_the_candidates() -> None:
    nest = loop_nest(primitive_from(conv2d(ic=16, oc=32, ih=14, iw=14))).nest
    schedules = Random(1).sample(candidates(nest, AVX2), 200)
    for name in RANKERS:
        ranked = ranker(name)(nest, schedules, AVX2, 1)
        assert {r.schedule for r in ranked} == set(schedules)
        keys = [(r.place, str(r.schedule)) for r in ranked]
        assert keys == sorted(keys)
        Random(0).shuffle(schedules)
        assert ranker(name)(nest, schedules, AVX2, 1) == ranked


def test_an_unknown_ranking_lists_the_known_ones() -> None:
    with pytest.raises(CompilerError, match=r"unknown ranking 'magic'; known: .*roofline"):
        ranker("magic")


def test_the_best_are_varied_over_register_tiles() -> None:
    def ranked(tile: int, seconds: float) -> Ranked:
        schedule = Schedule((Band("broadcast", ("n", "m", "k"), ("n", 8), tile=(("m", tile),)),))
        return Ranked(schedule.with_band(unroll=int(seconds)), int(seconds), {}, seconds)

    all_of_them = [ranked(6, 1), ranked(6, 2), ranked(6, 3), ranked(4, 4), ranked(6, 5)]
    assert [r.seconds for r in best_varied(all_of_them, 3, per_tile=2)] == [1, 2, 4]
    assert [r.seconds for r in best_varied(all_of_them, 3, per_tile=0)] == [1, 2, 3]
    assert [r.seconds for r in best_varied(all_of_them, 4, per_tile=1)] == [1, 4, 2, 3]
    assert best_varied(all_of_them, 9, per_tile=1)[-1].seconds == 5
