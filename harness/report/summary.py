"""Results arranged for a table: problems, their contenders, means, and the reasons for gaps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log

from harness.record.result import Speedup, Status, TrialResult

STATUSES: tuple[Status, ...] = ("ok", "failed", "skipped", "unsupported")
Means = Mapping[tuple[str, str], Speedup]  # by contender and baseline; from the layers' draws


@dataclass(frozen=True)
class ProblemRows:
    """One problem under one set of conditions; strategies come before baselines."""

    label: str  # the problem's name and whatever tells it from others of this name
    results: tuple[TrialResult, ...]


@dataclass(frozen=True)
class ContenderMean:
    """A contender over all problems: geometric means count only what was measured beside both.

    Unlike hosts, thread counts and caches are never pooled; the label tells them apart.
    `ratios` are by baseline: the mean, and its interval and verdict where draws were given.
    """

    contender: str
    label: str
    counts: Counter[Status]
    ratios: Mapping[str, float]
    intervals: Mapping[str, Speedup]
    tuning_seconds: float
    kind: str


@dataclass(frozen=True)
class Gap:
    """Why trials have no figure: one reason, and the problems it struck."""

    contender: str
    status: Status
    stage: str | None
    reason: str
    problems: tuple[str, ...]

    def __str__(self) -> str:
        where = ", ".join(self.problems[:3])
        if len(self.problems) > 3:
            where = f"{len(self.problems)} problems"
        stage = f" ({self.stage})" if self.stage else ""
        reason = self.reason.removeprefix(f"{self.status}: ")  # a baseline's refusal says it
        return f"{self.contender} on {where}: {self.status}{stage}: {reason}"


def problems_of(results: Iterable[TrialResult]) -> tuple[ProblemRows, ...]:
    """Results by problem and conditions, both in order of first appearance."""
    return tuple(
        ProblemRows(label, tuple(sorted(members, key=lambda r: r.kind == "baseline")))
        for label, members in problem_groups(results)
    )


def problem_groups(results: Iterable[TrialResult]) -> list[tuple[str, list[TrialResult]]]:
    """(label, results) of each problem under each set of conditions."""
    return grouped(results, lambda r: {"name": _name(r)} | _problem(r) | conditions_of(r))


def baselines_of(results: Iterable[TrialResult]) -> tuple[str, ...]:
    """Baselines by name, those that were compared with and those that were not to be had."""
    names: dict[str, None] = {}
    for result in results:
        if result.kind == "baseline":
            names[result.contender] = None
        names |= dict.fromkeys(result.speedup)
    return tuple(names)


def means_of(results: Sequence[TrialResult], means: Means | None = None) -> list[ContenderMean]:
    """One mean per contender and conditions, in order of first appearance, strategies first."""
    ordered = sorted(results, key=lambda r: r.kind == "baseline")
    rows = []
    for label, own in grouped(ordered, lambda r: {"name": r.contender} | conditions_of(r)):
        ratios: dict[str, list[float]] = {}
        for result in own:
            for baseline, speedup in result.speedup.items():
                ratios.setdefault(baseline, []).append(speedup.ratio)
        contender = own[0].contender
        given = (means or {}) if label == contender else {}  # of one set of conditions only
        rows.append(
            ContenderMean(
                contender,
                label,
                Counter(result.status for result in own),
                {b: exp(sum(map(log, r)) / len(r)) for b, r in ratios.items()},
                {b: given[contender, b] for b in ratios if (contender, b) in given},
                sum(result.tuning_seconds.total for result in own),
                own[0].kind,
            )
        )
    return rows


def gaps_of(problems: Iterable[ProblemRows]) -> tuple[Gap, ...]:
    """Every reason once, failures first."""
    found: dict[tuple[str, Status, str | None, str], list[str]] = {}
    for problem in problems:
        for r in problem.results:
            if r.status != "ok":
                reason = " ".join((r.reason or "no reason recorded").split())
                found.setdefault((r.contender, r.status, r.stage, reason), []).append(problem.label)
    gaps = (Gap(*key, tuple(labels)) for key, labels in found.items())
    return tuple(sorted(gaps, key=lambda gap: STATUSES.index(gap.status)))


def gflops_interval(result: TrialResult) -> tuple[float, float] | None:
    """GFLOP/s at either end of the interval of the median seconds, lower first."""
    if result.gflops is None or result.seconds is None:
        return None
    work = result.gflops * result.seconds.median
    low, high = result.seconds.ci95
    return work / high, work / low


def peak_of(result: TrialResult) -> float | None:
    """GFLOP/s of one core of the node, as it was when the result was measured."""
    peak = result.host.get("peak_gflops")
    return float(peak) if isinstance(peak, int | float) and peak > 0 else None


def share_of_peak(result: TrialResult) -> float | None:
    """Share of the recorded peak of the cores used."""
    peak = peak_of(result)
    if result.gflops is None or peak is None:
        return None
    return result.gflops / (peak * result.threads)


def counts_told(counts: Mapping[Status, int]) -> str:
    """8 ok, 1 failed: what there is, ok always."""
    return ", ".join(f"{counts.get(s, 0)} {s}" for s in STATUSES if s == "ok" or counts.get(s))


def conditions_of(result: TrialResult) -> dict[str, str]:
    """What must agree for two results to be compared."""
    return {
        "threads": str(result.threads),
        "architecture": result.architecture,
        "host": str(result.host.get("fingerprint", "")),
        "cache": result.cache,
    }


def grouped(
    results: Iterable[TrialResult], key: Callable[[TrialResult], dict[str, str]]
) -> list[tuple[str, list[TrialResult]]]:
    """Results of equal keys, under the key's name and what tells it from others of this name."""
    groups: dict[tuple[tuple[str, str], ...], list[TrialResult]] = {}
    for result in results:
        groups.setdefault(tuple(key(result).items()), []).append(result)
    keys = [dict(group) for group in groups]
    named: dict[str, list[dict[str, str]]] = {}
    for one in keys:
        named.setdefault(one["name"], []).append(one)
    return [
        (_label(one, named[one["name"]], members[0].node), members)
        for one, members in zip(keys, groups.values(), strict=True)
    ]


def _name(result: TrialResult) -> str:
    return str(result.problem.get("name", "problem"))


def _problem(result: TrialResult) -> dict[str, str]:
    """Sizes too, for a sweep of sizes keeps the name."""
    sizes = result.problem.get("sizes")
    held = {"primitive": str(result.problem.get("primitive", ""))}
    if isinstance(sizes, Mapping):
        held |= {str(name): str(value) for name, value in sizes.items()}
    return held


def _label(key: Mapping[str, str], same_name: Sequence[Mapping[str, str]], node: str) -> str:
    told = [key["name"]]
    for field, value in key.items():
        if any(other.get(field) != value for other in same_name):
            told.append(f"node={node}" if field == "host" else f"{field}={value}")
    return " ".join(told)
