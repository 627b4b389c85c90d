from __future__ import annotations

import pytest

from harness.cli.time_left import time_left


@pytest.mark.parametrize(
    ("done", "running", "waiting", "slots", "spent", "since", "left"),
    [
        (0, 0, 100, 1, 0, 0, 100),  # as planned, before anything has begun
        (0, 10, 90, 1, 0, 4, 96),
        (0, 10, 90, 2, 0, 4, 46),  # two at a time
        (10, 10, 80, 1, 20, 0, 180),  # the first took twice as long as estimated
        (10, 10, 80, 1, 5, 2, 43),  # half as long
        (0, 10, 90, 1, 0, 30, 270),  # the first takes three times as long already
        (90, 10, 0, 1, 90, 30, 0),  # the last one is overdue
        (100, 0, 0, 1, 50, 1, 0),
        (0, 0, 0, 0, 0, 0, 0),
    ],
)
def test_estimates_are_scaled_by_what_units_took(
    done: float, running: float, waiting: float, slots: int, spent: float, since: float, left: float
) -> None:
    assert time_left(done, running, waiting, slots, spent, since) == pytest.approx(left, abs=0.01)


def test_it_never_stands_still_at_zero_with_others_to_come() -> None:
    assert all(time_left(0, 5, 50, 1, 0, second) > 40 for second in range(600))
