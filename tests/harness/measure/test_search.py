from __future__ import annotations

from dataclasses import replace

from harness.measure.budget import QUICK
from harness.measure.search import time_candidate


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


def test_a_long_kernel_is_called_once_a_sample() -> None:
    calls = Calls(0.5)
    time_candidate(calls, None, QUICK)
    assert set(calls.made) == {1}
