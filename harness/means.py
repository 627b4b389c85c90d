"""Geometric means over a campaign's problems, with intervals from the recorded samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.measure.sample import Sample
from harness.measure.statistics import (
    Table,
    block_ratios,
    geometric_mean,
    noise,
    ratio_draws,
    table,
)
from harness.record.journal import CampaignFolder
from harness.record.result import Speedup, TrialResult

Means = dict[tuple[str, str], Speedup]


def campaign_means(folder: CampaignFolder, results: Sequence[TrialResult]) -> Means:
    """By contender and baseline: the mean ratio over all problems that both were timed on.

    Empty where hosts, threads or caches differ between trials: those are never pooled.
    """
    timed = [result for result in results if result.status == "ok"]
    if len({_conditions(result) for result in timed}) != 1:
        return {}
    layers: dict[tuple[str, str], list[tuple[float, Table, float]]] = {}
    for unit in _units(timed):
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
                layer = (speedup.ratio, draws, disturbed)
                layers.setdefault((result.contender, baseline), []).append(layer)
    return {pair: geometric_mean(*zip(*found, strict=True)) for pair, found in layers.items()}


def _conditions(result: TrialResult) -> tuple[object, ...]:
    return (str(result.host.get("fingerprint")), result.architecture, result.threads, result.cache)


def _units(results: Sequence[TrialResult]) -> list[list[TrialResult]]:
    """Results that were measured together."""
    units: dict[str, list[TrialResult]] = {}
    for result in results:
        units.setdefault(repr(sorted(result.problem.items(), key=str)), []).append(result)
    return list(units.values())


def _times(folder: CampaignFolder, result: TrialResult) -> list[Sample]:
    return [_sample(result.contender, row) for row in folder.samples(result.trial)]


def _sample(contender: str, row: Mapping[str, Any]) -> Sample:
    return Sample(contender=contender, **{**row, "flags": tuple(row.get("flags", ()))})
