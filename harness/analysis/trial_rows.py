"""A campaign as a table for other programs: one row a trial, intervals as two columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.analysis.groups import baselines_of
from harness.analysis.summary import gflops_interval, share_of_bandwidth, share_of_peak
from harness.record.result import TrialResult

Value = str | int | float | None


def trial_rows(results: Sequence[TrialResult]) -> tuple[dict[str, type], list[dict[str, Value]]]:
    """(kinds by column, rows). Every row has every column, None where there is no value.

    Times are seconds, rates nominal GFLOP/s; `.low` and `.high` are the ends of a 95 % interval.
    Columns of a baseline are called after it: speedup.onednn, speedup.onednn.low, ...
    """
    kinds: dict[str, type] = {**_FIXED}
    for baseline in baselines_of(results):
        kinds |= {
            f"speedup.{baseline}": float,
            f"speedup.{baseline}.low": float,
            f"speedup.{baseline}.high": float,
            f"verdict.{baseline}": str,
        }
    return kinds, [{**dict.fromkeys(kinds), **_row(result)} for result in results]


_FIXED: dict[str, type] = {
    **dict.fromkeys(("campaign", "trial", "problem", "primitive", "workload", "sizes"), str),
    "flops": float,
    **dict.fromkeys(("contender", "kind", "architecture"), str),
    "threads": int,
    **dict.fromkeys(("cache", "status", "stage", "reason"), str),
    **dict.fromkeys(("gflops", "gflops.low", "gflops.high", "share_of_peak", "of_roofline"), float),
    "share_of_bandwidth": float,
    **dict.fromkeys(("seconds", "seconds.low", "seconds.high", "seconds.min"), float),
    "samples": int,
    "noise": float,
    **dict.fromkeys(("predicted_seconds", "predicted_ratio"), float),
    "bound": str,
    **dict.fromkeys(("rank", "ranked"), int),
    **dict.fromkeys(("max_error", "tolerance"), float),
    **dict.fromkeys((f"tuning.{x}" for x in ("analyse", "compile", "measure", "total")), float),
    **dict.fromkeys(("schedule", "kernel", "stop", "quality", "flags"), str),
    **dict.fromkeys(("node", "cpu", "fingerprint", "compiler", "git_commit"), str),
    **dict.fromkeys(("started", "ended", "seed"), str),
    "attempt": int,
}


def _row(result: TrialResult) -> dict[str, Value]:
    problem, host, tuning = result.problem, result.host, result.tuning_seconds
    row: dict[str, Value] = {
        "campaign": result.campaign,
        "trial": result.trial,
        "problem": _text(problem.get("name")),
        "primitive": _text(problem.get("primitive")),
        "workload": _text(problem.get("workload")),
        "sizes": _sizes(problem.get("sizes")),
        "flops": _number(problem.get("flops")),
        "contender": result.contender,
        "kind": result.kind,
        "architecture": result.architecture,
        "threads": result.threads,
        "cache": result.cache,
        "status": result.status,
        "stage": result.stage,
        "reason": result.reason,
        "gflops": result.gflops,
        "share_of_peak": share_of_peak(result),
        "of_roofline": result.of_roofline,
        "share_of_bandwidth": share_of_bandwidth(result),
        "noise": result.noise,
        "predicted_seconds": result.predicted_seconds,
        "predicted_ratio": result.predicted_ratio,
        "bound": None if result.estimate is None else result.estimate.bound,
        "rank": result.rank,
        "ranked": result.ranked,
        "max_error": result.max_error,
        "tolerance": result.tolerance,
        "tuning.analyse": tuning.analyse,
        "tuning.compile": tuning.compile,
        "tuning.measure": tuning.measure,
        "tuning.total": tuning.total,
        "schedule": result.schedule,
        "kernel": result.kernel,
        "stop": result.stop,
        "quality": result.quality,
        "flags": "; ".join(result.flags) or None,
        "node": result.node,
        "cpu": _text(host.get("cpu")),
        "fingerprint": _text(host.get("fingerprint")),
        "compiler": result.versions.get("compiler"),
        "git_commit": _text(host.get("git_commit")),
        "started": result.started or None,
        "ended": result.ended or None,
        "seed": str(result.seed),
        "attempt": result.attempt,
    }
    if (rates := gflops_interval(result)) is not None:
        row |= {"gflops.low": rates[0], "gflops.high": rates[1]}
    if result.seconds is not None:
        low, high = result.seconds.ci95
        row |= {"seconds": result.seconds.median, "seconds.min": result.seconds.min}
        row |= {"seconds.low": low, "seconds.high": high, "samples": result.seconds.samples}
    for baseline, speedup in result.speedup.items():
        low, high = speedup.ci95
        row[f"speedup.{baseline}"] = speedup.ratio
        row |= {f"speedup.{baseline}.low": low, f"speedup.{baseline}.high": high}
        row[f"verdict.{baseline}"] = speedup.verdict
    return row


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _sizes(sizes: object) -> str | None:
    """n=1 ic=64: one column, for primitives have different ones."""
    if not isinstance(sizes, Mapping):
        return None
    return " ".join(f"{name}={value}" for name, value in sizes.items())
