"""The network's arithmetic, the round robin, and what a model's file must hold."""

from __future__ import annotations

import json
from itertools import pairwise
from random import Random
from typing import Any

import numpy as np
import pytest

from compiler.cost.ranking import ranker, tournament_of
from compiler.cost.tournament import (
    LEVELS,
    Layer,
    Matrix,
    PairClassifier,
    classifier_data,
    classifier_from,
    games_won,
    level_rows,
    shipped_classifier,
)
from compiler.errors import CompilerError
from compiler.model.loop_nest import loop_nest
from compiler.problem.specification import primitive_from
from compiler.space.candidates import candidates
from tests.compiler.machines import AVX2
from tests.compiler.problem.operators import conv2d

# score = log(1 + memory of the second) - log(1 + memory of the first)
LEAST_MEMORY = PairClassifier(
    (0.0,) * 8,
    (1.0,) * 8,
    (Layer(((0.0,),) * 3 + ((-1.0,),) + ((0.0,),) * 3 + ((1.0,),), (0.0,)),),
    {},
)


def random_classifier(seed: int, widths: tuple[int, ...] = (8, 6, 5, 1)) -> PairClassifier:
    rng = np.random.default_rng(seed)
    layers = tuple(
        Layer(
            tuple(tuple(row) for row in rng.normal(size=(a, b)).tolist()),
            tuple(rng.normal(size=b).tolist()),
        )
        for a, b in pairwise(widths)
    )
    mean, scale = rng.uniform(8, 12, 8), rng.uniform(1, 3, 8)
    return PairClassifier(tuple(mean.tolist()), tuple(scale.tolist()), layers, {})


def random_rows(count: int, seed: int = 0) -> Matrix:
    return np.exp(np.random.default_rng(seed).uniform(0, 16, (count, 4))).astype(np.float32)


def score(classifier: PairClassifier, one: Matrix, other: Matrix) -> float:
    """As the definition reads, in double precision."""
    x = (np.log1p(np.concatenate([one, other]).astype(float)) - classifier.mean) / classifier.scale
    for layer in classifier.layers[:-1]:
        x = np.maximum(x @ np.array(layer.weights) + layer.biases, 0)
    last = classifier.layers[-1]
    return float((x @ np.array(last.weights) + last.biases)[0])


@pytest.mark.parametrize("widths", [(8, 1), (8, 6, 5, 1), (8, 32, 20, 16, 12, 8, 1)])
def test_scores_are_those_of_the_definition(widths: tuple[int, ...]) -> None:
    classifier = random_classifier(1, widths)
    left, right = random_rows(7), random_rows(5, seed=1)
    wanted = [[score(classifier, one, other) for other in right] for one in left]
    assert np.allclose(classifier.scores(left, right), wanted, rtol=1e-3, atol=1e-3)


def test_wins_by_hand() -> None:
    rows = level_rows([{"memory": m} for m in (50, 10, 10, 90)] + [{"L1": 5, "memory": 20}])
    assert games_won(LEAST_MEMORY, rows) == [1, 3, 3, 0, 2]


def test_everybody_plays_everybody_once() -> None:
    classifier = random_classifier(2)
    rows = random_rows(300)  # more than are played at once
    rows[250:] = rows[100:150]
    wanted = np.zeros(300, int)
    scores = np.array(classifier.scores(rows, rows))
    for i in range(300):
        for j in range(i):
            if tuple(rows[i]) != tuple(rows[j]):
                first, second = (i, j) if tuple(rows[i]) < tuple(rows[j]) else (j, i)
                wanted[first if scores[first, second] > 0 else second] += 1
    assert games_won(classifier, rows) == wanted.tolist()


def test_levels_that_a_machine_lacks_hold_nothing() -> None:
    assert level_rows([{"L1": 1, "L2": 2, "memory": 3}]).tolist() == [[1, 2, 0, 3]]
    assert level_rows([]).shape == (0, len(LEVELS))
    assert games_won(LEAST_MEMORY, level_rows([])) == []


def test_a_ranking_by_a_given_network() -> None:
    nest = loop_nest(primitive_from(conv2d(ic=16, oc=32, ih=14, iw=14))).nest
    schedules = list(candidates(nest, AVX2))
    ranked = tournament_of(LEAST_MEMORY)(nest, schedules, AVX2, 1)
    held = [r.parts["memory"] for r in ranked]
    assert held == sorted(held)
    assert all(set(r.parts) == {*LEVELS, "wins"} or "L3" not in r.parts for r in ranked)
    Random(0).shuffle(schedules)
    assert tournament_of(LEAST_MEMORY)(nest, schedules, AVX2, 1) == ranked
    shipped = ranker("tournament")(nest, schedules, AVX2, 1)
    assert {r.schedule for r in shipped} == set(schedules)


def test_plain_data_and_back() -> None:
    classifier = random_classifier(3)
    assert classifier_from(json.loads(json.dumps(classifier_data(classifier)))) == classifier


def test_the_shipped_network_says_where_it_comes_from() -> None:
    provenance = shipped_classifier().provenance
    assert {"campaigns", "networks", "versions", "hosts", "seed"} <= set(provenance)
    assert all(one["accuracy"]["pairs"] > 0 for one in provenance["networks"].values())


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"kind": "something"}, "m.json: is no trained tournament"),
        ({"levels": ["L1"]}, "levels must be L1, L2, L3, memory"),
        ({"mean": [0.0]}, "do not fit together"),
        ({"scale": [0.0] * 8}, "scale must be > 0"),
        ({"layers": []}, "do not fit together"),
        ({"layers": [{"weights": [[1.0]] * 8, "biases": [float("nan")]}]}, "no finite numbers"),
        ({"layers": [{"weights": [[1.0]] * 7, "biases": [0.0]}]}, "do not fit together"),
        ({"layers": [{"weights": [[1.0, 2.0]] * 8, "biases": [0.0, 1.0]}]}, "do not fit together"),
        ({"layers": [{"biases": [0.0]}]}, "no finite numbers"),
    ],
)
def test_what_is_no_network_is_refused(change: dict[str, Any], told: str) -> None:
    with pytest.raises(CompilerError, match=told):
        classifier_from({**classifier_data(LEAST_MEMORY), **change}, "m.json")


def test_missing_keys_are_named() -> None:
    data = classifier_data(LEAST_MEMORY)
    del data["mean"]
    with pytest.raises(CompilerError, match="'mean' is missing"):
        classifier_from(data)
    with pytest.raises(CompilerError, match="is no trained tournament"):
        classifier_from([1, 2])
