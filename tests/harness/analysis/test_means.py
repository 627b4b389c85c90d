from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.analysis.means import campaign_means
from harness.record.journal import CampaignFolder
from harness.record.result import Speedup, TrialResult
from harness.record.writer import CampaignWriter
from tests.harness.campaigns import plan_from, replayed
from tests.harness.record.results import Left

BLOCKS = 5


def recorded(folder: Path, ratios: list[float]) -> tuple[CampaignFolder, list[TrialResult]]:
    """A campaign where the baseline takes ratio seconds a call and the strategy one."""
    sizes = ",".join(str(8 * (i + 1)) for i in range(len(ratios)))
    plan = plan_from("-m", "primitive=matmul", f"primitive.sizes.n={sizes}")
    results: list[TrialResult] = []
    samples: dict[str, list[dict[str, object]]] = {}
    for unit, ratio in zip(plan.units, ratios, strict=True):
        strategy, baseline = (replayed(unit, contender) for contender in unit.contenders)
        speedup = {"onednn": Speedup(ratio, (ratio, ratio), "faster")}
        results += [replace(strategy, speedup=speedup), baseline]
        for result, seconds in ((strategy, 1.0), (baseline, ratio)):
            samples[result.trial] = [
                {
                    "process": p,
                    "block": b,
                    "position": 0,
                    "seconds": seconds,
                    "calls": 1,
                    "flags": [],
                }
                for p in range(3)
                for b in range(BLOCKS)
            ]
    with CampaignWriter(folder) as writer:
        writer.record([Left(results, samples)])
        return writer.folder, results


def test_the_geometric_mean_of_all_problems(tmp_path: Path) -> None:
    folder, results = recorded(tmp_path / "one", [2.0, 0.5, 8.0])
    mean = campaign_means(folder, results)["roofline", "onednn"]
    assert mean.ratio == pytest.approx(2.0)
    assert mean.ci95 == pytest.approx((2.0, 2.0))
    assert mean.verdict == "faster"


def test_unlike_conditions_are_not_pooled(tmp_path: Path) -> None:
    folder, results = recorded(tmp_path / "one", [2.0, 0.5])
    other = [replace(result, threads=2) for result in results[:2]]
    assert campaign_means(folder, [*other, *results[2:]]) == {}


def test_failed_trials_do_not_count(tmp_path: Path) -> None:
    folder, results = recorded(tmp_path / "one", [2.0, 8.0])
    failed = [replace(results[0], status="failed"), *results[1:]]
    assert campaign_means(folder, failed)["roofline", "onednn"].ratio == pytest.approx(8.0)
    assert campaign_means(folder, []) == {}
