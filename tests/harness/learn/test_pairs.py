from __future__ import annotations

import numpy as np
import pytest

from compiler.cost.tournament import Layer, PairClassifier, level_rows
from harness.learn.pairs import MOST, Accuracy, Survey, accuracy, training_pairs

# score = log(1 + L1 of the second) - log(1 + L1 of the first)
LEAST_L1 = PairClassifier(
    (0.0,) * 8, (1.0,) * 8, (Layer(((-1.0,), *((0.0,),) * 3, (1.0,), *((0.0,),) * 3), (0.0,)),), {}
)


def survey(l1: list[int], seconds: list[float]) -> Survey:
    return Survey("net", "p", "id", level_rows([{"L1": n} for n in l1]), np.array(seconds))


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
    inputs, faster = training_pairs([survey([1, 2, 2, 3], [1.0, 2.0, 3.0, 3.0])], seed=0)
    # (1 2) has equal inputs, (2 3) equal seconds: four of six pairs are left
    assert inputs.shape == (8, 8)
    held = {(tuple(np.expm1(x[[0, 4]]).round()), y) for x, y in zip(inputs, faster, strict=True)}
    assert held == {((1, 2), 1), ((2, 1), 0), ((1, 3), 1), ((3, 1), 0), ((2, 3), 1), ((3, 2), 0)}


def test_a_large_problem_has_no_more_to_say() -> None:
    large = survey(list(range(200)), [float(n + 1) for n in range(200)])
    inputs, _ = training_pairs([large], seed=0)
    assert len(inputs) == 2 * MOST
    again, _ = training_pairs([large], seed=0)
    assert (inputs == again).all()
