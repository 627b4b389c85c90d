"""Recorded campaigns that differ in what a test says and in nothing else."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.analysis.recorded import Recorded
from harness.record.journal import CampaignFolder
from harness.record.result import ProcessNoise, Seconds, Speedup, TrialResult
from harness.record.writer import CampaignWriter
from tests.harness.record.results import Left, baseline_result, strategy_result

HOST = {
    "fingerprint": "aa",
    "name": "node-a",
    "cpu": "some processor",
    "peak_gflops": 198.0,
    "git_commit": "c0ffee",
}
VERSIONS = {"python": "3.11", "compiler": "gcc 12", "numpy": "2"}
TIMES = {"roofline": 1.0e-3, "top_k": 0.9e-3, "onednn": 1.2e-3}  # seconds of one call


def campaign(
    name: str = "before",
    *,
    slow: Mapping[str, float] | None = None,
    drift: float = 1.0,
    problems: tuple[str, ...] = ("conv_a", "conv_b"),
    started: str = "2026-01-02T03:04:05+00:00",
    host: Mapping[str, object] | None = None,
    versions: Mapping[str, str] | None = None,
    **changes: Any,
) -> Recorded:
    """`slow` are factors of seconds by contender; `drift` is a factor of them all, the machine's.

    Figures have the width of a quiet machine's: paired ratios 1 %, processes 0.5 %.
    """
    dice = random.Random(name)
    results: list[TrialResult] = []
    for problem in problems:
        took = {
            label: seconds * (slow or {}).get(label, 1.0) * drift
            for label, seconds in TIMES.items()
        }
        for label, seconds in took.items():
            medians = [seconds * dice.uniform(0.995, 1.005) for _ in range(4)]
            ratio = took["onednn"] / seconds * dice.uniform(0.997, 1.003)
            shared: dict[str, Any] = {
                "campaign": name,
                "seconds": Seconds(seconds, seconds, (0.98 * seconds, 1.02 * seconds), 80),
                "processes": tuple(ProcessNoise(median, 20, 0) for median in medians),
                "noise": 0.0,
                "host": {**HOST, **(host or {})},
                "started": started,
                "versions": {**VERSIONS, **(versions or {})},
                **changes,
            }
            if label == "onednn":
                results.append(baseline_result(problem, **shared))
            else:
                speedup = Speedup(ratio, (0.99 * ratio, 1.01 * ratio), "faster", 0.0)
                shared["speedup"] = {"onednn": speedup}
                results.append(strategy_result(problem, label, **shared))
    return Recorded(name, tuple(results))


def written(folder: Path, one: Recorded) -> CampaignFolder:
    """The campaign on disk."""
    with CampaignWriter(folder) as writer:
        writer.record([Left(one.results)])
        return writer.folder


def changed(one: Recorded, contender: str, **changes: Any) -> Recorded:
    """With other values in every record of a contender."""
    return replace(
        one,
        results=tuple(
            replace(r, **changes) if r.contender == contender else r for r in one.results
        ),
    )
