"""One trial with all that its record and its files tell, as lines of `what  value`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.analysis.review.commands import repetition
from harness.analysis.summary import share_of_bandwidth, share_of_peak
from harness.record.result import Estimate, TrialResult
from harness.settings import quoted

BEST = 10  # candidates shown
Line = tuple[str, str]


@dataclass(frozen=True)
class TrialFiles:
    """Where the trial's samples and C text lie; None where they were not kept."""

    samples: Path | None = None
    kernel: Path | None = None


def trial_lines(
    campaign: str, result: TrialResult, candidates: Sequence[Mapping[str, Any]], files: TrialFiles
) -> Iterator[Line]:
    """What it was, how it went, why, what the search saw, and how it is repeated."""
    yield "trial", f"{result.trial}, attempt {result.attempt}"
    yield "problem", _problem(result.problem)
    yield "contender", f"{result.contender} ({result.kind}), {_threads(result)}, {result.cache}"
    stage = f" ({result.stage})" if result.stage else ""
    yield "status", f"{result.status}{stage}" + (f": {result.reason}" if result.reason else "")
    yield from _speed(result)
    yield from _why(result)
    if result.schedule:
        yield "schedule", result.schedule
    if result.layouts:
        yield "layouts", "  ".join(f"{tensor} {tag}" for tensor, tag in result.layouts.items())
    yield from _trust(result)
    tuning = result.tuning_seconds
    yield (
        "tuning",
        f"{tuning.total:.2f} s: analyse {tuning.analyse:.2f}, compile {tuning.compile:.2f}, "
        f"measure {tuning.measure:.2f}",
    )
    yield from _searched(result, candidates)
    yield "where", f"{result.node}, cores {', '.join(map(str, result.cores))} ({result.quality})"
    yield "host", _host(result.host)
    yield "when", f"{result.started} to {result.ended}"
    yield "versions", "  ".join(f"{name} {text}" for name, text in sorted(result.versions.items()))
    if files.samples is not None:
        yield "samples", str(files.samples)
    if files.kernel is not None:
        yield "C text", str(files.kernel)
    if result.schedule:
        yield "repeat", repetition(campaign, result, quoted)
    count = result.problem.get("count", 1)
    if count != 1:
        yield "occurs", f"{count} times in {result.problem.get('workload')}"
    if benchdnn := result.problem.get("benchdnn"):
        yield "benchdnn", str(benchdnn)


def _problem(problem: Mapping[str, object]) -> str:
    sizes = problem.get("sizes")
    told = " ".join(f"{k}={v}" for k, v in sizes.items()) if isinstance(sizes, Mapping) else ""
    return f"{problem.get('name')}: {problem.get('primitive')} {told}"


def _threads(result: TrialResult) -> str:
    return f"{result.threads} thread" + ("s" if result.threads > 1 else "")


def _speed(result: TrialResult) -> Iterator[Line]:
    taken = result.seconds
    if taken is None:
        return
    low, high = taken.ci95
    yield (
        "seconds",
        f"{taken.median:.4g} [{low:.4g} {high:.4g}], least {taken.min:.4g}, "
        f"{taken.samples} samples, stopped by {result.stop}",
    )
    if result.gflops is not None:
        share = share_of_peak(result)
        peak = "" if share is None else f", {share:.0%} of the measured peak"
        yield "GFLOP/s", f"{result.gflops:.1f} nominal{peak}"
    if result.roofline is not None and result.of_roofline is not None:
        roofline = result.roofline
        yield (
            "of roofline",
            f"{result.of_roofline:.2f}: {1e6 * roofline.seconds:.1f} us by {roofline.bound}; "
            f"{roofline.operations:.3g} vector operations, {roofline.bytes / 1e6:.3g} MB in "
            f"{roofline.level}",
        )
        share = share_of_bandwidth(result)
        if share is not None:
            rate = 1e-9 * roofline.bytes / taken.median
            yield "bandwidth", f"{rate:.1f} GB/s, {share:.0%} of that of {roofline.level}"
    for baseline, speedup in result.speedup.items():
        low, high = speedup.ci95
        yield (
            f"x {baseline}",
            f"{speedup.ratio:.3f} [{low:.3f} {high:.3f}] {speedup.verdict}",
        )


def _why(result: TrialResult) -> Iterator[Line]:
    """The estimate beside what was measured."""
    if result.estimate is not None:
        yield "bound by", f"{result.estimate.bound}: {_parts(result.estimate)}"
    if result.predicted_seconds is not None:
        ratio = "" if result.predicted_ratio is None else f", {result.predicted_ratio:.2f} of it"
        yield "predicted", f"{result.predicted_seconds:.4g} s{ratio}"
    if result.rank is not None:
        of = "" if result.ranked is None else f" of {result.ranked}"
        yield "rank", f"{result.rank}{of} in the strategy's ranking"


def _parts(estimate: Estimate) -> str:
    def told(name: str, seconds: float) -> str:
        moved = f" ({estimate.bytes[name] / 1e6:.1f} MB)" if name in estimate.bytes else ""
        return f"{name} {seconds * 1e6:.1f} us{moved}"

    parts = "  ".join(told(name, seconds) for name, seconds in estimate.parts.items())
    return f"{parts}  together {estimate.seconds * 1e6:.1f} us"


def _trust(result: TrialResult) -> Iterator[Line]:
    if result.max_error is not None and result.tolerance is not None:
        rounds = ""
        if result.verified is not None:
            counted = ", ".join(f"{n} {kind}" for kind, n in result.verified.rounds.items())
            rounds = f"; rounds: {counted}"
            if result.verified.inexact:
                rounds += f" (not all by ==: {result.verified.inexact})"
        yield "error", f"{result.max_error:.2g}, allowed {result.tolerance:.2g}{rounds}"
    if result.processes:
        told = (
            f"{one.median:.4g} s ({one.flagged} of {one.samples} flagged)"
            for one in result.processes
        )
        yield "processes", "  ".join(told)
    if result.noise is not None:
        yield "noise", f"{result.noise:.0%} of the samples were disturbed"
    if result.flags:
        yield "flags", "; ".join(result.flags)


def _searched(result: TrialResult, candidates: Sequence[Mapping[str, Any]]) -> Iterator[Line]:
    measured = [row for row in candidates if row.get("measured") is not None]
    if len(measured) < 2:
        return
    if result.drift:
        drift = f"; the machine's drift {min(result.drift):.2f} to {max(result.drift):.2f}"
    else:
        drift = ""
    yield "search", f"{len(measured)} of {len(candidates)} candidates measured{drift}"
    for row in sorted(measured, key=lambda row: row["measured"] or 0.0)[:BEST]:
        retimed = row.get("retimed")
        again = "" if retimed is None else f", {retimed:.4g} in the final"
        yield "", f"{row['measured']:.4g} s{again}  {row.get('schedule')}"


def _host(host: Mapping[str, object]) -> str:
    peak = host.get("peak_gflops")
    told = f", {peak:.0f} GFLOP/s a core" if isinstance(peak, float) else ""
    return f"{host.get('cpu')}{told}, fingerprint {host.get('fingerprint')}"
