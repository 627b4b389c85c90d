from __future__ import annotations

import numpy as np
import pytest

from compiler.cost.features import PAPER
from compiler.cost.tournament import PAIRS, Layer, Tournament
from harness.learn.pairs import MOST, Accuracy, Survey, accuracy, training_pairs

# score = log(1 + L1 of the second) - log(1 + L1 of the first)
WEIGHTS = ((-1.0,), *((0.0,),) * 3, (1.0,), *((0.0,),) * 3)
LEAST_L1 = Tournament(tuple(PAPER), PAIRS, (0.0,) * 8, (1.0,) * 8, (Layer(WEIGHTS, (0.0,)),), {})


def survey(l1: list[int], seconds: list[float]) -> Survey:
    rows = np.zeros((len(l1), len(PAPER)))
    rows[:, 0] = np.log1p(l1)
    return Survey("net", "p", "id", "host", rows, np.array(seconds))


def test_accuracy_by_hand() -> None:
    # pairs: (0 1) right and close, (0 2) right, (0 3) wrong, (1 2) right, (1 3) wrong, (2 3) equal
    # inputs: half; no pair with itself and each once
    found = accuracy(LEAST_L1, survey([10, 20, 30, 30], [1.0, 1.01, 2.0, 0.5]))
    assert (found.pairs, found.clear_pairs) == (6, 5)
    assert found.share == pytest.approx(3.5 / 6)
    assert found.clear_share == pytest.approx(2.5 / 5)


def test_equal_seconds_are_no_question() -> None:
    assert accuracy(LEAST_L1, survey([1, 2, 3], [1.0, 1.0, 1.0])) == Accuracy(0, 0.0, 0, 0.0)


def test_accuracies_are_weighed_by_pairs() -> None:
    found = Accuracy.over([Accuracy(10, 0.5, 0, 0.0), Accuracy(30, 0.9, 4, 1.0)])
    assert (found.pairs, found.clear_pairs, found.clear_share) == (40, 4, 1.0)
    assert found.share == pytest.approx(0.8)


def test_training_pairs_come_in_both_orders() -> None:
    first, second, gaps = training_pairs([survey([1, 2, 2, 3], [1.0, 2.0, 3.0, 3.0])], seed=0)
    # (1 2) has equal inputs, (2 3) equal seconds: four of six pairs are left
    assert first.shape == second.shape == (8, 4)
    held = {
        (*np.expm1([a[0], b[0]]).round(), round(float(np.exp(gap)), 3))
        for a, b, gap in zip(first, second, gaps, strict=True)
    }
    once = {(1, 2, 0.5), (1, 2, 0.333), (1, 3, 0.333), (2, 3, 0.667)}
    assert held == once | {(2, 1, 2), (2, 1, 3), (3, 1, 3), (3, 2, 1.5)}


def test_a_large_problem_has_no_more_to_say() -> None:
    large = survey(list(range(200)), [float(n + 1) for n in range(200)])
    first, _, gaps = training_pairs([large], seed=0)
    assert len(first) == len(gaps) == 2 * MOST
    assert (training_pairs([large], seed=0)[0] == first).all()
