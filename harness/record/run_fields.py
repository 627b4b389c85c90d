"""What an MLflow run says of a result: tags, metrics and parameters under names MLflow takes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from math import isfinite

from harness.record.result import TrialResult

MOST_PARAMS = 100  # of one log_batch call
LONGEST_NAME = 250
LONGEST_VALUE = 5000  # characters; SQL stores take 6000 (params) and 8000 (tags)


@dataclass(frozen=True)
class RunFields:
    """One child run. `started` and `ended` are milliseconds since 1970, None where unknown."""

    name: str
    tags: dict[str, str]
    metrics: dict[str, float]
    params: dict[str, str]
    started: int | None
    ended: int | None
    finished: bool  # False: the trial failed


def run_fields(result: TrialResult) -> RunFields:
    """The fields of a result's run; metrics are finite."""
    problem = str(result.problem.get("name", "problem"))
    return RunFields(
        name=f"{problem} {result.contender}",
        tags=_texts(_tags(result, problem)),
        metrics={
            name: float(value)
            for name, value in _metrics(result).items()
            if value is not None and isfinite(value)
        },
        params=dict(list(_texts(_params(result)).items())[:MOST_PARAMS]),
        started=_milliseconds(result.started),
        ended=_milliseconds(result.ended),
        finished=result.status != "failed",
    )


def safe_name(text: str) -> str:
    """MLflow allows letters, digits, `_ - . /` and space; a path-like name is refused too."""
    return re.sub(r"[^A-Za-z0-9_. -]", "_", text)[:LONGEST_NAME] or "_"


def _tags(result: TrialResult, problem: str) -> dict[str, object]:
    tags: dict[str, object] = {
        "trial": result.trial,
        "campaign": result.campaign,
        "problem": problem,
        "primitive": result.problem.get("primitive", ""),
        "contender": result.contender,
        "kind": result.kind,
        "status": result.status,
        "stage": result.stage,
        "reason": result.reason,
        "architecture": result.architecture,
        "node": result.node,
        "cores": ",".join(map(str, result.cores)),
        "quality": result.quality,
        "cache": result.cache,
        "tier": result.tier,
        "stop": result.stop,
        "kernel": result.kernel,
        "flags": ",".join(result.flags),
    }
    tags |= {f"verdict.{baseline}": s.verdict for baseline, s in result.speedup.items()}
    tags |= {f"version.{name}": version for name, version in result.versions.items()}
    return tags


def _metrics(result: TrialResult) -> dict[str, float | None]:
    metrics: dict[str, float | None] = {
        "gflops": result.gflops,
        "predicted_seconds": result.predicted_seconds,
        "max_error": result.max_error,
        "tolerance": result.tolerance,
        "decided": None if result.verified is None else result.verified.decided,
        "noise": result.noise,
        "tuning_seconds.analyse": result.tuning_seconds.analyse,
        "tuning_seconds.compile": result.tuning_seconds.compile,
        "tuning_seconds.measure": result.tuning_seconds.measure,
        "tuning_seconds.total": result.tuning_seconds.total,
    }
    if result.seconds is not None:
        low, high = result.seconds.ci95
        metrics |= {
            "seconds.median": result.seconds.median,
            "seconds.min": result.seconds.min,
            "seconds.ci95_low": low,
            "seconds.ci95_high": high,
            "samples": result.seconds.samples,
        }
    for baseline, speedup in result.speedup.items():
        name = safe_name(baseline)
        metrics |= {
            f"speedup.{name}": speedup.ratio,
            f"speedup.{name}.ci95_low": speedup.ci95[0],
            f"speedup.{name}.ci95_high": speedup.ci95[1],
            f"speedup.{name}.noise": speedup.noise,
        }
    return metrics


def _params(result: TrialResult) -> dict[str, object]:
    sizes = result.problem.get("sizes")
    params: dict[str, object] = {
        "dtype": result.dtype,
        "threads": result.threads,
        "seed": result.seed,
        "attempt": result.attempt,
        "flops": result.problem.get("flops"),
        "schedule": result.schedule,
    }
    if isinstance(sizes, dict):
        params |= {f"sizes.{name}": value for name, value in sizes.items()}
    params |= {f"layout.{tensor}": tag for tensor, tag in result.layouts.items()}
    return params


def _texts(values: dict[str, object]) -> dict[str, str]:
    return {
        safe_name(name): str(value)[:LONGEST_VALUE]
        for name, value in values.items()
        if value is not None and str(value) != ""
    }


def _milliseconds(moment: str) -> int | None:
    try:
        return int(datetime.fromisoformat(moment).timestamp() * 1000)
    except ValueError:
        return None
