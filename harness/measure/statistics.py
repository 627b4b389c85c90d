"""From raw samples to medians, ratios with intervals, verdicts and geometric means.

Samples form a table [process, block, sample]; processes may have unlike numbers of blocks, what is
missing is NaN. The bootstrap resamples processes, then blocks inside each, because both differ:
page placement between processes, the machine's other work between blocks.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from harness.measure.noise import judged, noise_of
from harness.measure.sample import Sample
from harness.record.result import Seconds, Speedup, Verdict

Table = npt.NDArray[np.float64]
DRAWS = 2000
SAME = (0.98, 1.02)  # an interval inside is a tie
EFFECT = 0.01  # the least difference that is called faster or slower


def table(samples: Iterable[Sample], contender: str) -> Table:
    """Seconds [process, block, sample] of one contender, padded with NaN."""
    cells: dict[tuple[int, int], list[float]] = {}
    for s in samples:
        if s.contender == contender:
            cells.setdefault((s.process, s.block), []).append(s.seconds)
    processes = sorted({process for process, _ in cells})
    blocks = 1 + max(block for _, block in cells)
    held = np.full((len(processes), blocks, max(map(len, cells.values()))), np.nan)
    for (process, block), seconds in cells.items():
        held[processes.index(process), block, : len(seconds)] = seconds
    return held


def seconds(times: Table, seed: int = 0, draws: int = DRAWS) -> Seconds:
    """Median and minimum over all samples; the interval is the median's."""
    low, high = interval(_bootstrap(times, seed, draws))
    median = float(np.nanmedian(times))
    return Seconds(
        median=median,
        min=float(np.nanmin(times)),
        ci95=(min(low, median), max(high, median)),
        samples=int(np.isfinite(times).sum()),
    )


def block_ratios(baseline: Table, contender: Table) -> Table:
    """baseline seconds / contender seconds of each block [process, block, 1], never across blocks.

    A block's time is the median of its samples: the mean of the middle two of four.
    """
    numerator, denominator = _block_times(baseline), _block_times(contender)
    processes = min(len(numerator), len(denominator))
    blocks = min(numerator.shape[1], denominator.shape[1])
    ratios: Table = numerator[:processes, :blocks] / denominator[:processes, :blocks]
    return ratios[:, :, np.newaxis]


def ratio_draws(ratios: Table, seed: int = 0, draws: int = DRAWS) -> Table:
    """Bootstrap draws of the median ratio; layers' draws combine in a GeometricMean."""
    return _bootstrap(ratios, seed, draws)


def noise(samples: Iterable[Sample], *contenders: str) -> float:
    """The share of disturbed samples of the noisiest of the contenders."""
    held = list(samples)
    return max(noise_of(s.flags for s in held if s.contender == name) for name in contenders)


def speedup(ratios: Table, disturbed: float = 0.0, seed: int = 0, draws: int = DRAWS) -> Speedup:
    """The median ratio of `block_ratios`, its interval and the verdict.

    `disturbed` is the `noise` of both sides: above a share of it nothing is faster or slower.
    """
    ratio = float(np.nanmedian(ratios))
    low, high = interval(ratio_draws(ratios, seed, draws))
    ci95 = (min(low, ratio), max(high, ratio))
    return Speedup(ratio, ci95, *_in_noise(verdict(ratio, ci95), disturbed))


def half_width(ratios: Table, seed: int = 0, draws: int = 500) -> float:
    """Half the 95 % interval's width, as a share of the ratio."""
    low, high = interval(ratio_draws(ratios, seed, draws))
    return (high - low) / 2 / float(np.nanmedian(ratios))


def verdict(ratio: float, ci95: tuple[float, float]) -> Verdict:
    """In this order: same, faster or slower, inconclusive."""
    low, high = ci95
    if low >= SAME[0] and high <= SAME[1]:
        return "same"
    if low > 1 and ratio >= 1 + EFFECT:
        return "faster"
    if high < 1 and ratio <= 1 - EFFECT:
        return "slower"
    return "inconclusive"


class GeometricMean:
    """Over layers: the mean of logarithms, its interval from the layers' own draws.

    Layers are added one by one and their draws are summed, not kept: 16 kB each would be more
    memory than anything else of a campaign.
    """

    def __init__(self) -> None:
        self._ratios: list[float] = []
        self._disturbed: list[float] = []
        self._logarithms: Table = np.zeros(1)  # of the draws, summed over the layers

    def add(self, ratio: float, draws: Table, disturbed: float = 0.0) -> None:
        """A layer with its `ratio_draws` and its share of noise."""
        self._ratios.append(ratio)
        self._disturbed.append(disturbed)
        self._logarithms = self._logarithms + np.log(draws)

    def speedup(self) -> Speedup:
        """Of one layer or more. The mean of shares of noise is that of all samples together."""
        ratio = float(np.exp(np.mean(np.log(self._ratios))))
        ci95 = interval(np.exp(self._logarithms / len(self._ratios)))
        disturbed = float(np.mean(self._disturbed))
        return Speedup(ratio, ci95, *_in_noise(verdict(ratio, ci95), disturbed))


def _in_noise(found: Verdict, disturbed: float) -> tuple[Verdict, float, str | None]:
    """Verdict, noise and reason, as a Speedup takes them."""
    stands, reason = judged(found, disturbed)
    return stands, disturbed, reason


def interval(draws: Table) -> tuple[float, float]:
    """The central 95 % of bootstrap draws."""
    low, high = np.percentile(draws, (2.5, 97.5))
    return float(low), float(high)


def _block_times(times: Table) -> Table:
    filled = _filled(times)
    medians = np.full(filled.shape, np.nan)
    medians[filled] = _row_medians(times[filled])
    return medians


def _filled(values: Table) -> npt.NDArray[np.bool_]:
    """[process, block]: whether anything was measured."""
    filled: npt.NDArray[np.bool_] = np.isfinite(values).sum(axis=2) > 0
    return filled


def _bootstrap(values: Table, seed: int, draws: int) -> Table:
    """The median of each resample: processes with replacement, then blocks of each."""
    rng = np.random.default_rng(seed)
    filled = _filled(values)
    kept = np.unique(np.nonzero(filled)[0])
    values, filled = values[kept], filled[kept]
    processes, width, _ = values.shape
    held = filled.sum(axis=1)  # blocks of each process
    compact = np.full_like(values, np.nan)
    for process in range(processes):
        compact[process, : held[process]] = values[process, filled[process]]
    chosen = rng.integers(processes, size=(draws, processes))
    blocks = (rng.random((draws, processes, width)) * held[chosen][:, :, np.newaxis]).astype(int)
    taken = compact[chosen[:, :, np.newaxis], blocks]
    surplus = np.arange(width) >= held[chosen][:, :, np.newaxis]
    taken[surplus] = np.nan
    return _row_medians(taken.reshape(draws, -1))


def _row_medians(rows: Table) -> Table:
    """np.nanmedian along the rows, without its slow path: NaN sorts to the end."""
    ordered = np.sort(rows, axis=1)
    counts = np.isfinite(rows).sum(axis=1)
    at = np.arange(len(rows))
    medians: Table = 0.5 * (ordered[at, (counts - 1) // 2] + ordered[at, counts // 2])
    return medians
