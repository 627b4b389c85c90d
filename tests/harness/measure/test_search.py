from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from harness.measure.budget import QUICK
from harness.measure.search import MAX_ROUNDS, MIN_ROUNDS, Final, time_candidate, time_finalists


class Calls:
    """Seconds of one call, by number of the run; remembers how many calls each run made."""

    def __init__(self, *seconds: float) -> None:
        self.seconds = seconds
        self.made: list[int] = []

    def __call__(self, calls: int) -> float:
        self.made.append(calls)
        return self.seconds[min(len(self.made), len(self.seconds)) - 1]


def test_warms_up_until_two_calls_agree_and_reports_the_minimum() -> None:
    calls = Calls(9e-3, 2e-3, 1.5e-3, 1.01e-3, 1e-3, 1.2e-3, 1.1e-3, 0.9e-3, 0.9e-3, 1e-3)
    found = time_candidate(calls, None, QUICK)
    assert calls.made[:5] == [1] * 5
    assert calls.made[5:] == [5] * 5  # 5 ms at 1 ms a call
    assert (found.seconds, found.samples, found.gave_up) == (0.9e-3, 5, False)


def test_warms_up_ten_times_at_most() -> None:
    seconds = [1e-3 * (1 + n % 2) for n in range(40)]
    calls = Calls(*seconds)
    found = time_candidate(calls, None, QUICK)
    assert calls.made[:10] == [1] * 10 and calls.made[10] > 1
    assert found.samples == 5


def test_gives_a_slow_candidate_up_after_one_warm_call() -> None:
    calls = Calls(4e-3)
    found = time_candidate(calls, 1e-3, QUICK)
    assert found.gave_up and len(calls.made) == 2


def test_samples_again_while_the_best_disagree() -> None:
    calls = Calls(1e-3, 1e-3, 2e-3, 1.9e-3, 1.8e-3, 1.7e-3, 1.6e-3, 1.5e-3, 1.49e-3)
    assert time_candidate(calls, None, QUICK).samples == 7


def test_a_short_kernel_is_called_many_times_a_sample() -> None:
    calls = Calls(1e-6)
    time_candidate(calls, None, replace(QUICK, search_samples=5))
    assert calls.made[2] == 5000


def test_of_a_long_call_the_last_warm_ones_are_the_samples() -> None:
    calls = Calls(0.9, 0.6, 0.5, 0.49)
    found = time_candidate(calls, None, QUICK)
    assert calls.made == [1] * 4  # nothing besides the warming up
    assert (found.seconds, found.samples) == (0.49, 2)


class Drifting:
    """Finalists on a machine whose speed changes with every call, by the same factor for all."""

    def __init__(self, *seconds: float, speeds: tuple[float, ...] = (1.0,)) -> None:
        self.made: list[tuple[int, int]] = []  # finalist, calls
        self.speeds = speeds
        self.runs = [self._run(index, own) for index, own in enumerate(seconds)]

    def _run(self, index: int, own: float) -> Callable[[int], float]:
        def run(calls: int) -> float:
            self.made.append((index, calls))
            done = len(self.made) // (2 * len(self.runs))  # a speed lasts for a round
            return own * self.speeds[done % len(self.speeds)]

        return run


def test_a_final_goes_there_and_back_with_a_warm_call_before_each_sample() -> None:
    stage = Drifting(1e-3, 2e-3)
    found = time_finalists(stage.runs, replace(QUICK, search_final_seconds=1.0))
    assert stage.made[:2] == [(0, 1), (1, 1)]  # how long a call takes
    assert stage.made[2:6] == [(0, 1), (0, 5), (1, 1), (1, 3)]  # 5 ms of each
    assert stage.made[6:10] == [(1, 1), (1, 3), (0, 1), (0, 5)]
    assert len(found.rounds) == MAX_ROUNDS
    assert found.seconds() == (1e-3, 2e-3)


def test_long_calls_get_few_rounds_and_no_warm_calls() -> None:
    stage = Drifting(0.3, 0.2)
    found = time_finalists(stage.runs, QUICK)
    assert len(found.rounds) == MIN_ROUNDS
    assert len(stage.made) == 2 + 2 * MIN_ROUNDS


def test_a_slow_round_moves_no_ratio() -> None:
    final = Final(((1.0, 1.1), (3.0, 3.3), (1.0, 1.1), (9.0, 9.9), (1.0, 1.1)))
    first, second = final.seconds()
    assert second / first == pytest.approx(1.1)
    lucky = Final(((1.0, 1.1), (2.0, 1.1), (1.0, 1.1), (1.0, 1.1), (1.0, 1.1)))
    assert lucky.seconds()[0] < lucky.seconds()[1]  # one disturbed sample decides nothing
