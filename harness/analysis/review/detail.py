"""What a trial's drill-down tells: schedule, loops, working sets, attempts, facts, commands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from compiler.errors import CompilerError
from harness.analysis.review.causes import bound_told, model_told
from harness.analysis.review.commands import Quote, commands_of
from harness.analysis.review.document import Attempt, Detail
from harness.analysis.review.loop_nest import NestTold, nest_told
from harness.analysis.review.rows import PrimitiveOf
from harness.record.result import TrialResult


def detail_of(
    campaign: str,
    result: TrialResult,
    attempts: Sequence[TrialResult],
    primitive_of: PrimitiveOf,
    quote: Quote,
) -> Detail:
    """`attempts` are all lines of the trial, oldest first; `campaign` is as commands name it."""
    nest, lacks = NestTold(()), ""
    primitive = primitive_of(result.problem)
    if result.schedule is not None and primitive is None:
        lacks = "no loop nest: the campaign's configuration does not describe this problem"
    elif result.schedule is not None and primitive is not None:
        try:
            nest = nest_told(result, primitive)
        except CompilerError as fault:
            lacks = f"no loop nest: {fault}"
    return Detail(
        facts=tuple(_facts(result)),
        schedule=result.schedule,
        loops=nest.loops,
        working_sets=nest.working_sets,
        parts={} if result.estimate is None else result.estimate.parts,
        layouts=result.layouts,
        attempts=tuple(map(_attempt, attempts)),
        commands=commands_of(campaign, result, quote),
        lacks=lacks,
    )


def _attempt(result: TrialResult) -> Attempt:
    reason = " ".join((result.reason or "").split())
    return Attempt(
        result.attempt, result.status, reason, result.gflops, result.node, result.started
    )


def _facts(result: TrialResult) -> Iterator[tuple[str, str]]:
    if result.seconds is not None:
        low, high = (f"{1e6 * end:.4g}" for end in result.seconds.ci95)
        yield (
            "seconds",
            f"{1e6 * result.seconds.median:.4g} µs [{low} {high}], least "
            f"{1e6 * result.seconds.min:.4g}, {result.seconds.samples} samples, "
            f"stopped by {result.stop or 'what was not recorded'}",
        )
    if result.estimate is not None:
        yield "estimate", f"{1e6 * result.estimate.seconds:.4g} µs, {bound_told(result)}"
    if result.predicted_seconds is not None:
        model = "" if result.seconds is None else f"; {model_told(result)}"
        yield "predicted", f"{1e6 * result.predicted_seconds:.4g} µs{model}"
    if result.rank is not None:
        of = "" if result.ranked is None else f" of {result.ranked}"
        yield "rank", f"{result.rank}{of} in the strategy's ranking"
    if result.max_error is not None and result.tolerance is not None:
        yield "error", f"{result.max_error:.2g}, allowed {result.tolerance:.2g}"
    if result.verified is not None:
        rounds = ", ".join(f"{n} {kind}" for kind, n in result.verified.rounds.items())
        inexact = f"; not all by ==: {result.verified.inexact}" if result.verified.inexact else ""
        yield "verified", f"rounds: {rounds}{inexact}"
    tuning = result.tuning_seconds
    if tuning.total > 0:
        yield (
            "tuning",
            f"{tuning.total:.2f} s: analyse {tuning.analyse:.2f}, compile {tuning.compile:.2f}, "
            f"measure {tuning.measure:.2f}",
        )
    if result.processes:
        told = (
            f"{1e6 * one.median:.4g} µs ({one.flagged} of {one.samples} flagged)"
            for one in result.processes
        )
        yield "processes", "; ".join(told)
    if result.flags:
        yield "flags", "; ".join(result.flags)
    yield "where", f"{result.node}, cores {', '.join(map(str, result.cores))} ({result.quality})"
    yield "when", f"{result.started} to {result.ended}"
    yield "versions", "; ".join(f"{name} {text}" for name, text in result.versions.items())
