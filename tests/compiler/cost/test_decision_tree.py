"""Wins of the decision tree: its rules one by one, and against a pair-by-pair count."""

from __future__ import annotations

from random import Random

import pytest

from compiler.cost.decision_tree import wins

Levels = dict[str, int]


def _row(l1: int = 0, l2: int = 0, l3: int = 0, memory: int = 0) -> Levels:
    return {"L1": l1, "L2": l2, "L3": l3, "memory": memory}


def _beats(one: Levels, other: Levels) -> bool:
    """The rules as the paper words them, for one pair."""
    rules = [(sum(one.values()), sum(other.values()), 0.5)]
    rules += [(one[level], other[level], 0.05) for level in ("memory", "L3", "L2", "L1")]
    for mine, theirs, threshold in rules:
        if theirs > (1 + threshold) * mine:
            return True
        if mine > (1 + threshold) * theirs:
            return False
    return False


@pytest.mark.parametrize(
    ("winner", "loser"),
    [
        (_row(memory=100), _row(l1=151)),  # the total comes before where it is held
        (_row(l1=150), _row(memory=100)),  # 1.5 times is not more than 1.5 times: memory decides
        (_row(l3=100, l1=50), _row(l3=106)),  # then each level, from memory inwards
        (_row(l3=100, l2=100, l1=80), _row(l3=105, l2=106)),
        (_row(l1=100), _row(l1=106)),
    ],
)
def test_the_first_rule_that_fires_decides(winner: Levels, loser: Levels) -> None:
    assert wins([winner, loser]) == [1, 0]
    assert wins([loser, winner]) == [0, 1]


def test_where_no_rule_fires_nobody_wins() -> None:
    assert wins([_row(l1=100), _row(l1=105)]) == [0, 0]
    assert wins([_row(l1=7), _row(l1=7)]) == [0, 0]
    assert wins([_row(), _row()]) == [0, 0]
    assert wins([_row()]) == [0]
    assert wins([]) == []


def test_absent_levels_hold_nothing() -> None:
    assert wins([{"L1": 5, "memory": 0}, {"L1": 9, "memory": 0}]) == [1, 0]


@pytest.mark.parametrize("count", [3, 40, 1500])
def test_wins_are_counted_over_all_pairs(count: int) -> None:
    """More rows than are compared at once, many of them equal."""
    random = Random(count)
    sizes = [0, 90, 100, 104, 106, 150, 300]
    rows = [_row(*(random.choice(sizes) for _ in range(4))) for _ in range(count)]
    found = wins(rows)
    for i in random.sample(range(count), min(count, 60)):
        assert found[i] == sum(_beats(rows[i], other) for other in rows)
