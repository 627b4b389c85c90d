"""Rankings: best first, ties by text, unknown names."""

from __future__ import annotations

from random import Random

import pytest

from compiler.cost.ranking import RANKERS, ranker
from compiler.errors import CompilerError
from compiler.model.loop_nest import loop_nest
from compiler.problem.specification import primitive_from
from compiler.schedule.candidates import candidates
from tests.compiler.machines import AVX2
from tests.compiler.problem.operators import conv2d


def test_best_first_whatever_the_order_of_the_candidates() -> None:
    nest = loop_nest(primitive_from(conv2d(ic=16, oc=32, ih=14, iw=14))).nest
    schedules = list(candidates(nest, AVX2))
    for name in RANKERS:
        ranked = ranker(name)(nest, schedules, AVX2, 1)
        assert {r.schedule for r in ranked} == set(schedules)
        keys = [(r.seconds, str(r.schedule)) for r in ranked]
        assert keys == sorted(keys)
        Random(0).shuffle(schedules)
        assert ranker(name)(nest, schedules, AVX2, 1) == ranked


def test_an_unknown_ranking_lists_the_known_ones() -> None:
    with pytest.raises(CompilerError, match=r"unknown ranking 'magic'; known: .*roofline"):
        ranker("magic")
