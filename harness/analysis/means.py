"""Geometric means over a campaign's problems, with intervals from the recorded samples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from harness.analysis.groups import conditions_of, problem_groups
from harness.measure.noise import judged
from harness.measure.sample import Sample
from harness.measure.statistics import (
    GeometricMean,
    Table,
    block_ratios,
    interval,
    noise,
    ratio_draws,
    table,
    verdict,
)
from harness.record.journal import CampaignFolder
from harness.record.result import Speedup, TrialResult, Verdict

Means = Mapping[tuple[str, str], Speedup]  # by contender and baseline


@dataclass(frozen=True)
class Layer:
    """One problem's ratio of a contender to a baseline, with bootstrap draws of it."""

    problem: str
    contender: str
    baseline: str
    ratio: float
    draws: Table
    disturbed: float  # share of the noisier side's samples

    @property
    def ci95(self) -> tuple[float, float]:
        low, high = interval(self.draws)
        return min(low, self.ratio), max(high, self.ratio)

    @property
    def verdict(self) -> Verdict:
        return judged(verdict(self.ratio, self.ci95), self.disturbed)[0]


def campaign_means(folder: CampaignFolder, results: Sequence[TrialResult]) -> Means:
    """By contender and baseline: the mean ratio over all problems that both were timed on.

    Empty where hosts, threads or caches differ between trials: those are never pooled.
    """
    timed = [result for result in results if result.status == "ok"]
    if len({tuple(conditions_of(result).values()) for result in timed}) != 1:
        return {}
    means: dict[tuple[str, str], GeometricMean] = {}
    for layer in layers_of(folder, timed):
        mean = means.setdefault((layer.contender, layer.baseline), GeometricMean())
        mean.add(layer.ratio, layer.draws, layer.disturbed)
    return {pair: mean.speedup() for pair, mean in means.items()}


def layers_of(folder: CampaignFolder, results: Iterable[TrialResult]) -> Iterator[Layer]:
    """Every recorded ratio whose both sides have samples, one problem after the other."""
    for label, unit in problem_groups(result for result in results if result.status == "ok"):
        by_name = {result.contender: result for result in unit}
        times = {name: _times(folder, result) for name, result in by_name.items()}
        for result in unit:
            for baseline, speedup in result.speedup.items():
                if times.get(result.contender) and times.get(baseline):
                    one = _layer(label, result, by_name[baseline], times)
                    yield replace(one, ratio=speedup.ratio)


def layer_of(
    folder: CampaignFolder, problem: str, contender: TrialResult, baseline: TrialResult
) -> Layer | None:
    """The ratio of any two of a problem's contenders; None where either has no samples."""
    times = {one.contender: _times(folder, one) for one in (contender, baseline)}
    return _layer(problem, contender, baseline, times) if all(times.values()) else None


def _layer(
    problem: str,
    contender: TrialResult,
    baseline: TrialResult,
    times: Mapping[str, list[Sample]],
) -> Layer:
    own, other = contender.contender, baseline.contender
    ratios = block_ratios(table(times[other], other), table(times[own], own))
    disturbed = noise([*times[other], *times[own]], other, own)
    draws = ratio_draws(ratios, contender.seed)
    return Layer(problem, own, other, float(np.nanmedian(ratios)), draws, disturbed)


def _times(folder: CampaignFolder, result: TrialResult) -> list[Sample]:
    return [_sample(result.contender, row) for row in folder.samples(result.trial)]


def _sample(contender: str, row: Mapping[str, Any]) -> Sample:
    return Sample(contender=contender, **{**row, "flags": tuple(row.get("flags", ()))})
