"""Ratios of figures that were measured apart, with 95 % intervals.

Two campaigns share no block, so nothing of theirs is paired sample by sample. What they have are
figures with intervals of their own, which combine on a logarithmic scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf, log, sqrt
from statistics import fmean, variance

import scipy

from harness.record.result import Speedup


@dataclass(frozen=True)
class Interval:
    """A positive figure and its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def inverse(self) -> Interval:
        return Interval(1 / self.value, 1 / self.high, 1 / self.low)

    def apart(self, other: Interval) -> bool:
        """Whether the intervals have nothing in common."""
        return self.high < other.low or other.high < self.low


def of_speedup(speedup: Speedup) -> Interval:
    """As recorded: the median of paired blocks, bootstrapped over processes and blocks."""
    return Interval(speedup.ratio, *speedup.ci95)


def quotient(one: Interval, other: Interval) -> Interval:
    """one / other of independent figures, from their intervals alone (MOVER).

    For t = a - b with a in [al, au] and b in [bl, bu]:
        t - sqrt((a - al)^2 + (bu - b)^2)  to  t + sqrt((au - a)^2 + (b - bl)^2)
    Zou, Donner, "Construction of confidence limits about effect measures: a general approach",
    Statistics in Medicine 27, 2008; here of logarithms, so that t is that of the ratio.
    """
    return _together([one, other.inverse], 1.0)


def geometric_mean(figures: Sequence[Interval]) -> Interval:
    """Of independent figures, by the same rule."""
    return _together(figures, 1 / len(figures))


def _together(figures: Sequence[Interval], share: float) -> Interval:
    """exp of `share` times the sum of logarithms, whose deviations add up as squares."""
    value = share * sum(log(one.value) for one in figures)
    below = share * sqrt(sum(log(one.value / one.low) ** 2 for one in figures))
    above = share * sqrt(sum(log(one.high / one.value) ** 2 for one in figures))
    return Interval(exp(value), exp(value - below), exp(value + above))


def of_processes(medians: Sequence[float]) -> Interval | None:
    """The geometric mean of processes' medians; None of fewer than two.

    Student's interval of their logarithms: absolute times move from process to process, with the
    pages that each is given, far more than inside one, so a process is one observation.
    """
    if len(medians) < 2:
        return None
    logs = [log(one) for one in medians]
    half = float(scipy.special.stdtrit(len(logs) - 1, 0.975)) * sqrt(variance(logs) / len(logs))
    return Interval(exp(fmean(logs)), exp(fmean(logs) - half), exp(fmean(logs) + half))


def process_quotient(one: Sequence[float], other: Sequence[float]) -> Interval | None:
    """one / other of processes' medians; None where either has fewer than two.

    Welch's interval of the difference of their logarithms, degrees of freedom by Satterthwaite.
    """
    if min(len(one), len(other)) < 2:
        return None
    logs = [[log(x) for x in side] for side in (one, other)]
    shares = [variance(side) / len(side) for side in logs]
    parts = [share**2 / (len(side) - 1) for share, side in zip(shares, logs, strict=True)]
    freedom = sum(shares) ** 2 / sum(parts) if sum(parts) > 0 else inf
    half = (
        float(scipy.special.stdtrit(freedom, 0.975)) * sqrt(sum(shares)) if sum(shares) > 0 else 0.0
    )
    middle = fmean(logs[0]) - fmean(logs[1])
    return Interval(exp(middle), exp(middle - half), exp(middle + half))
