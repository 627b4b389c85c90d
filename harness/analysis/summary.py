"""Contenders over all problems: means, counts, verdicts, shares of peak, reasons for gaps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from statistics import geometric_mean

from harness.analysis.groups import ProblemRows, conditions_of, grouped
from harness.analysis.means import Means
from harness.record.result import Speedup, Status, TrialResult, Verdict

STATUSES: tuple[Status, ...] = ("ok", "failed", "skipped", "unsupported")
VERDICTS: tuple[Verdict, ...] = ("faster", "same", "slower", "inconclusive")


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
    of_roofline: float | None = None  # geometric mean
    worst: float | None = None  # the least share of an own roofline
    of_bandwidth: float | None = None  # geometric mean


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


def means_of(results: Sequence[TrialResult], means: Means | None = None) -> list[ContenderMean]:
    """One mean per contender and conditions, in order of first appearance, strategies first."""
    ordered = sorted(results, key=lambda r: r.kind == "baseline")
    rows = []
    for label, own in grouped(ordered, lambda r: {"name": r.contender} | conditions_of(r)):
        ratios: dict[str, list[float]] = {}
        for result in own:
            for baseline, speedup in result.speedup.items():
                ratios.setdefault(baseline, []).append(speedup.ratio)
        shares = [r.of_roofline for r in own if r.of_roofline]
        moved = [share for r in own if (share := share_of_bandwidth(r))]
        contender = own[0].contender
        given = (means or {}) if label == contender else {}  # of one set of conditions only
        rows.append(
            ContenderMean(
                contender,
                label,
                Counter(result.status for result in own),
                {b: geometric_mean(r) for b, r in ratios.items()},
                {b: given[contender, b] for b in ratios if (contender, b) in given},
                sum(result.tuning_seconds.total for result in own),
                own[0].kind,
                geometric_mean(shares) if shares else None,
                min(shares, default=None),
                geometric_mean(moved) if moved else None,
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


def worst_first(problems: Iterable[ProblemRows]) -> list[ProblemRows]:
    """Those with a failure, then by the lowest ratio to a baseline; the others last."""
    return sorted(problems, key=lambda problem: min(map(goodness, problem.results)))


def goodness(result: TrialResult) -> tuple[bool, float]:
    """What a trial is sorted by, the worst first: failures, then the lowest ratio."""
    return result.status != "failed", min((s.ratio for s in result.speedup.values()), default=inf)


def verdict_counts(results: Iterable[TrialResult]) -> dict[str, Counter[Verdict]]:
    """By baseline, over all contenders that were compared with it."""
    found: dict[str, Counter[Verdict]] = {}
    for result in results:
        for baseline, speedup in result.speedup.items():
            found.setdefault(baseline, Counter())[speedup.verdict] += 1
    return found


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


def share_of_bandwidth(result: TrialResult) -> float | None:
    """Share of the measured bandwidth of the level that holds the tensors, each moved once."""
    roofline = result.roofline
    if roofline is None or result.seconds is None or not roofline.bandwidth:
        return None
    return roofline.bytes / (result.seconds.median * roofline.bandwidth * 1e9)
