"""What an MLflow run says of a result: tags, metrics and parameters under names MLflow takes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isfinite

from harness.analysis.summary import share_of_peak
from harness.analysis.time_to_solution import best_so_far
from harness.record.result import Speedup, TrialResult

MOST_PARAMS = 100  # of one log_batch call
MOST_STEPS = 400  # of a search; of a longer one every second, third, ... and the last
LONGEST_NAME = 250
LONGEST_VALUE = 5000  # characters; SQL stores take 6000 (params) and 8000 (tags)


@dataclass(frozen=True)
class Step:
    """A search after so many measured candidates: the best so far, and seconds since it began."""

    number: int
    seconds: float
    microseconds: float  # of one call of the best


@dataclass(frozen=True)
class RunFields:
    """One child run. `started` and `ended` are milliseconds since 1970, None where unknown."""

    name: str
    tags: dict[str, str]
    metrics: dict[str, float]
    params: dict[str, str]
    steps: tuple[Step, ...]
    started: int | None
    ended: int | None
    finished: bool  # False: the trial failed


def run_fields(result: TrialResult, candidates: Sequence[Mapping[str, object]] = ()) -> RunFields:
    """The fields of a result's run, with the candidates of its search; metrics are finite."""
    problem = str(result.problem.get("name", "problem"))
    return RunFields(
        name=f"{problem} {result.contender}",
        tags=_texts(_tags(result)),
        metrics=finite(_metrics(result)),
        params=dict(list(_texts(_params(result, problem)).items())[:MOST_PARAMS]),
        steps=_steps(candidates),
        started=milliseconds(result.started),
        ended=milliseconds(result.ended),
        finished=result.status != "failed",
    )


def finite(values: Mapping[str, float | None]) -> dict[str, float]:
    """Those that are numbers, under names that MLflow takes."""
    return {
        safe_name(name): float(value)
        for name, value in values.items()
        if value is not None and isfinite(value)
    }


def speedup_metrics(name: str, speedup: Speedup) -> dict[str, float | None]:
    """A ratio and the ends of its interval, under a name."""
    low, high = speedup.ci95
    return {name: speedup.ratio, f"{name}.ci95_low": low, f"{name}.ci95_high": high}


def safe_name(text: str) -> str:
    """MLflow allows letters, digits, `_ - . /` and space; a path-like name is refused too."""
    return re.sub(r"[^A-Za-z0-9_. -]", "_", text)[:LONGEST_NAME] or "_"


def milliseconds(moment: str) -> int | None:
    """Since 1970, None for what is no moment."""
    try:
        return int(datetime.fromisoformat(moment).timestamp() * 1000)
    except ValueError:
        return None


def _tags(result: TrialResult) -> dict[str, object]:
    tags: dict[str, object] = {
        "trial": result.trial,
        "campaign": result.campaign,
        "kind": result.kind,
        "status": result.status,
        "stage": result.stage,
        "reason": result.reason,
        "architecture": result.architecture,
        "node": result.node,
        "cores": ",".join(map(str, result.cores)),
        "quality": result.quality,
        "tier": result.tier,
        "stop": result.stop,
        "bound": None if result.estimate is None else result.estimate.bound,
        "kernel": result.kernel,
        "flags": ",".join(result.flags),
    }
    tags |= {f"verdict.{baseline}": s.verdict for baseline, s in result.speedup.items()}
    tags |= {f"version.{name}": version for name, version in result.versions.items()}
    return tags


def _metrics(result: TrialResult) -> dict[str, float | None]:
    """Seconds of a call are microseconds here: the UI shows two digits behind the point."""
    metrics: dict[str, float | None] = {
        "gflops": result.gflops,
        "share_of_peak": share_of_peak(result),
        "of_roofline": result.of_roofline,
        "predicted_microseconds": _microseconds(result.predicted_seconds),
        "predicted_ratio": result.predicted_ratio,
        "rank": result.rank,
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
            "microseconds": _microseconds(result.seconds.median),
            "microseconds.min": _microseconds(result.seconds.min),
            "microseconds.ci95_low": _microseconds(low),
            "microseconds.ci95_high": _microseconds(high),
            "samples": result.seconds.samples,
        }
    for baseline, speedup in result.speedup.items():
        metrics |= speedup_metrics(f"speedup.{baseline}", speedup)
        metrics[f"speedup.{baseline}.noise"] = speedup.noise
    return metrics


def _microseconds(seconds: float | None) -> float | None:
    return None if seconds is None else 1e6 * seconds


def _params(result: TrialResult, problem: str) -> dict[str, object]:
    """What the trial was; these, not tags, are what the UI's charts and comparisons offer."""
    sizes = result.problem.get("sizes")
    params: dict[str, object] = {
        "problem": problem,
        "contender": result.contender,
        "primitive": result.problem.get("primitive"),
        "workload": result.problem.get("workload"),
        "dtype": result.dtype,
        "threads": result.threads,
        "cache": result.cache,
        "seed": result.seed,
        "attempt": result.attempt,
        "flops": result.problem.get("flops"),
        "schedule": result.schedule,
    }
    if isinstance(sizes, dict):
        params |= {f"sizes.{name}": value for name, value in sizes.items()}
    params |= {f"layout.{tensor}": tag for tensor, tag in result.layouts.items()}
    return params


def _steps(candidates: Sequence[Mapping[str, object]]) -> tuple[Step, ...]:
    known = [Step(n, at, 1e6 * best) for n, at, best in best_so_far(candidates)]
    apart = -(-len(known) // MOST_STEPS)
    return tuple(step for i, step in enumerate(known, 1) if i % apart == 0 or i == len(known))


def _texts(values: dict[str, object]) -> dict[str, str]:
    return {
        safe_name(name): str(value)[:LONGEST_VALUE]
        for name, value in values.items()
        if value is not None and str(value) != ""
    }
