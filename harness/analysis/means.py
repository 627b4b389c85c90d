"""Geometric means over a campaign's problems, with intervals from the recorded samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.analysis.groups import conditions_of, problem_groups
from harness.measure.sample import Sample
from harness.measure.statistics import (
    GeometricMean,
    block_ratios,
    noise,
    ratio_draws,
    table,
)
from harness.record.journal import CampaignFolder
from harness.record.result import Speedup, TrialResult

Means = Mapping[tuple[str, str], Speedup]  # by contender and baseline


def campaign_means(folder: CampaignFolder, results: Sequence[TrialResult]) -> Means:
    """By contender and baseline: the mean ratio over all problems that both were timed on.

    Empty where hosts, threads or caches differ between trials: those are never pooled.
    """
    timed = [result for result in results if result.status == "ok"]
    if len({tuple(conditions_of(result).values()) for result in timed}) != 1:
        return {}
    means: dict[tuple[str, str], GeometricMean] = {}
    for _, unit in problem_groups(timed):
        times = {result.contender: _times(folder, result) for result in unit}
        for result in unit:
            for baseline, speedup in result.speedup.items():
                if not times.get(result.contender) or not times.get(baseline):
                    continue
                ratios = block_ratios(
                    table(times[baseline], baseline),
                    table(times[result.contender], result.contender),
                )
                draws = ratio_draws(ratios, result.seed)
                both = [*times[baseline], *times[result.contender]]
                disturbed = noise(both, baseline, result.contender)
                mean = means.setdefault((result.contender, baseline), GeometricMean())
                mean.add(speedup.ratio, draws, disturbed)
    return {pair: mean.speedup() for pair, mean in means.items()}


def _times(folder: CampaignFolder, result: TrialResult) -> list[Sample]:
    return [_sample(result.contender, row) for row in folder.samples(result.trial)]


def _sample(contender: str, row: Mapping[str, Any]) -> Sample:
    return Sample(contender=contender, **{**row, "flags": tuple(row.get("flags", ()))})
