"""The search tier inside the child: time one of many candidates, quickly, by its minimum."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import fmean, median

from harness.measure.budget import MeasureSettings

MIN_ROUNDS, MAX_ROUNDS = 3, 16  # of a search's final
SPREAD = 0.01  # two best samples so close end the sampling


@dataclass(frozen=True)
class SearchTime:
    """Seconds of one call: minimum and median of `samples`. Given up: far slower than the best."""

    seconds: float
    median: float
    samples: int
    gave_up: bool = False


@dataclass(frozen=True)
class Final:
    """Seconds of one call, [round][finalist]: what each took in rounds of single samples."""

    rounds: tuple[tuple[float, ...], ...]

    def seconds(self) -> tuple[float, ...]:
        """Each finalist's time: the median of its times relative to their rounds' means.

        A moment that is slow is slow for all in its round, so that it moves none of the ratios.
        """
        means = [fmean(taken) for taken in self.rounds]
        relative = [
            [taken / mean for taken, mean in zip(column, means, strict=True)]
            for column in zip(*self.rounds, strict=True)
        ]
        return tuple(median(means) * median(own) for own in relative)


def time_finalists(runs: Sequence[Callable[[int], float]], settings: MeasureSettings) -> Final:
    """Single samples in rounds through all finalists, every other round backwards.

    As many rounds as `search_final_seconds` allow, from MIN_ROUNDS to MAX_ROUNDS. Before a sample
    the finalist is called once, unless its calls are long: what the others left in the caches is
    not its time.
    """
    once = [run(1) for run in runs]
    each = [max(1, ceil(settings.search_sample_seconds / seconds)) for seconds in once]
    rounds: list[tuple[float, ...]] = []
    spent, order = 0.0, list(range(len(runs)))
    while len(rounds) < MAX_ROUNDS:
        taken = [0.0] * len(runs)
        for index in order if len(rounds) % 2 == 0 else reversed(order):
            run, calls = runs[index], each[index]
            if once[index] < settings.search_long_seconds:
                spent += run(1)
            taken[index] = run(calls)
            spent += taken[index] * calls
        rounds.append(tuple(taken))
        if len(rounds) >= MIN_ROUNDS and spent >= settings.search_final_seconds:
            break
    return Final(tuple(rounds))


def time_candidate(
    run: Callable[[int], float], best: float | None, settings: MeasureSettings
) -> SearchTime:
    """`run(calls)` answers seconds of one call; `best` is the fastest candidate's so far.

    Warm up until two calls agree, give up after one warm call several times slower than the best,
    then 5 samples of 5 ms or more, and up to 10 while the two best disagree. Of a long call the
    last two warm ones are the samples: nothing of a sample's noise is left in it.
    """
    previous = run(1)  # its page faults and cold caches are nobody's speed
    warm: list[float] = []
    for _ in range(settings.search_warm_calls - 1):
        latest = run(1)
        warm.append(latest)
        if best is not None and latest > settings.search_give_up * best:
            return SearchTime(latest, latest, 1, gave_up=True)
        agree = abs(latest - previous) <= settings.search_agreement * min(latest, previous)
        previous = latest
        if agree:
            break
    if previous >= settings.search_long_seconds:
        last = warm[-2:] or [previous]
        return SearchTime(min(last), median(last), len(last))
    calls = max(1, ceil(settings.search_sample_seconds / previous))
    samples: list[float] = []
    while len(samples) < settings.search_max_samples:
        samples.append(run(calls))
        if len(samples) >= settings.search_samples:
            first, second, *_ = sorted(samples)
            if second <= (1 + SPREAD) * first:
                break
    return SearchTime(min(samples), median(samples), len(samples))
