"""The network's arithmetic, and the round robin in both of its ways."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import numpy as np
import pytest

from compiler.cost.features import PAPER
from compiler.cost.ranking import ranker, tournament_of
from compiler.cost.tournament import PAIRS, SCHEDULES, Layer, Rows, Tournament
from compiler.model.loop_nest import loop_nest
from compiler.problem.specification import primitive_from
from compiler.space.candidates import candidates
from tests.compiler.machines import AVX2
from tests.compiler.problem.operators import conv2d

NAMES = tuple(PAPER)
# score = memory of the second - memory of the first
LEAST_MEMORY = Tournament(
    NAMES,
    PAIRS,
    (0.0,) * 8,
    (1.0,) * 8,
    (Layer(((0.0,),) * 3 + ((-1.0,),) + ((0.0,),) * 3 + ((1.0,),), (0.0,)),),
    {},
)


def made_up(seed: int, widths: tuple[int, ...] = (8, 6, 5, 1), judges: str = PAIRS) -> Tournament:
    rng = np.random.default_rng(seed)
    layers = tuple(
        Layer(
            tuple(tuple(row) for row in rng.normal(size=(a, b)).tolist()),
            tuple(rng.normal(size=b).tolist()),
        )
        for a, b in pairwise(widths)
    )
    mean, scale = rng.uniform(8, 12, widths[0]), rng.uniform(1, 3, widths[0])
    return Tournament(NAMES, judges, tuple(mean.tolist()), tuple(scale.tolist()), layers, {})


def random_rows(count: int, seed: int = 0) -> Rows:
    return np.random.default_rng(seed).uniform(0, 16, (count, 4))


def network(tournament: Tournament, inputs: Rows) -> float:
    """As the definition reads."""
    x = (inputs - tournament.mean) / tournament.scale
    for layer in tournament.layers[:-1]:
        x = np.maximum(x @ np.array(layer.weights) + layer.biases, 0)
    last = tournament.layers[-1]
    return float((x @ np.array(last.weights) + last.biases)[0])


@pytest.mark.parametrize("widths", [(8, 1), (8, 6, 5, 1), (8, 32, 20, 16, 12, 8, 1)])
def test_scores_are_those_of_the_definition(widths: tuple[int, ...]) -> None:
    pairs = made_up(1, widths)
    left, right = random_rows(7), random_rows(5, seed=1)
    wanted = [[network(pairs, np.concatenate([a, b])) for b in right] for a in left]
    assert np.allclose(pairs.scores(left, right), wanted, rtol=1e-3, atol=1e-3)
    schedules = made_up(1, (4, *widths[1:]), SCHEDULES)
    wanted = [[network(schedules, b) - network(schedules, a) for b in right] for a in left]
    assert np.allclose(schedules.scores(left, right), wanted, rtol=1e-3, atol=1e-3)


def test_wins_by_hand() -> None:
    rows = np.array([[0, 0, 0, m] for m in (5.0, 1.0, 1.0, 9.0)] + [[5.0, 0, 0, 2.0]])
    assert LEAST_MEMORY.wins(rows) == [1, 3, 3, 0, 2]
    assert LEAST_MEMORY.wins(rows[:0]) == []
    layer = (Layer(((0.0,), (0.0,), (0.0,), (1.0,)), (0.0,)),)
    one_by_one = Tournament(NAMES, SCHEDULES, (0.0,) * 4, (1.0,) * 4, layer, {})
    assert one_by_one.wins(rows) == [1, 3, 3, 0, 2]
    assert one_by_one.wins(rows[:0]) == []


@pytest.mark.parametrize("judges", [PAIRS, SCHEDULES])
def test_everybody_plays_everybody_once(judges: str) -> None:
    tournament = made_up(2, (8 if judges == PAIRS else 4, 6, 5, 1), judges)
    rows = random_rows(300)  # more than are played at once
    rows[250:] = rows[100:150]
    wanted = np.zeros(300, int)
    scores = np.array(tournament.scores(rows, rows))
    for i in range(300):
        for j in range(i):
            if tuple(rows[i]) != tuple(rows[j]) and scores[i, j]:
                first, second = (i, j) if tuple(rows[i]) < tuple(rows[j]) else (j, i)
                wanted[first if scores[first, second] > 0 else second] += 1
    assert tournament.wins(rows) == wanted.tolist()


def test_a_ranking_by_a_given_tournament() -> None:
    nest = loop_nest(primitive_from(conv2d(ic=16, oc=32, ih=14, iw=14))).nest
    schedules = list(candidates(nest, AVX2))
    ranked = tournament_of(LEAST_MEMORY)(nest, schedules, AVX2, 1)
    held = [r.parts["log memory bytes"] for r in ranked]
    assert held == sorted(held)
    assert all(set(r.parts) == {*NAMES, "wins"} for r in ranked)
    Random(0).shuffle(schedules)
    assert tournament_of(LEAST_MEMORY)(nest, schedules, AVX2, 1) == ranked


@pytest.mark.parametrize("name", ["tournament", "polydl_tournament"])
def test_the_shipped_ones_rank_everything(name: str) -> None:
    nest = loop_nest(primitive_from(conv2d(ic=16, oc=32, ih=14, iw=14))).nest
    schedules = candidates(nest, AVX2)[::7]
    ranked = ranker(name)(nest, schedules, AVX2, 1)
    assert {r.schedule for r in ranked} == set(schedules)
    wins = [r.parts["wins"] for r in ranked]
    assert wins == sorted(wins, reverse=True) and wins[0] > wins[-1]
