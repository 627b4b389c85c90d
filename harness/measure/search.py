"""The search tier inside the child: time one of many candidates, quickly, by its minimum."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from statistics import median

from harness.measure.budget import MeasureSettings

SPREAD = 0.01  # two best samples so close end the sampling


@dataclass(frozen=True)
class SearchTime:
    """Seconds of one call: minimum and median of `samples`. Given up: far slower than the best."""

    seconds: float
    median: float
    samples: int
    gave_up: bool = False


def time_candidate(
    run: Callable[[int], float], best: float | None, settings: MeasureSettings
) -> SearchTime:
    """`run(calls)` answers seconds of one call; `best` is the fastest candidate's so far.

    Warm up until two calls agree, give up after one warm call several times slower than the best,
    then 5 samples of 5 ms or more, and up to 10 while the two best disagree.
    """
    previous = run(1)  # its page faults and cold caches are nobody's speed
    for _ in range(settings.search_warm_calls - 1):
        latest = run(1)
        if best is not None and latest > settings.search_give_up * best:
            return SearchTime(latest, latest, 1, gave_up=True)
        agree = abs(latest - previous) <= settings.search_agreement * min(latest, previous)
        previous = latest
        if agree:
            break
    calls = max(1, ceil(settings.search_sample_seconds / previous))
    samples: list[float] = []
    while len(samples) < settings.search_max_samples:
        samples.append(run(calls))
        if len(samples) >= settings.search_samples:
            first, second, *_ = sorted(samples)
            if second <= (1 + SPREAD) * first:
                break
    return SearchTime(min(samples), median(samples), len(samples))
