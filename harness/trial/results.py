"""Records of a unit from what was measured: one TrialResult a contender, rows of raw data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from operator import itemgetter
from statistics import median
from typing import Any

from compiler.errors import CompilerError
from compiler.pipeline import estimated, own_roofline, parse_schedule
from harness.failure import Failure
from harness.kernel.c_compiler import CCompiler
from harness.measure.host import fingerprint, versions
from harness.measure.protocol import ReportRun
from harness.measure.sample import Sample
from harness.measure.search_tier import SearchRun
from harness.measure.slot import Slot
from harness.measure.statistics import block_ratios, noise, seconds, speedup, table
from harness.record.result import (
    Estimate,
    ProcessNoise,
    RooflineFacts,
    Seconds,
    Speedup,
    TrialResult,
    Verification,
)
from harness.trial.prepared import Candidate, PreparedContender, PreparedUnit
from harness.unit import Unit

Row = Mapping[str, object]


@dataclass(frozen=True)
class Measured:
    """A unit's measurement as a whole; `run` is None when nothing could be timed."""

    prepared: PreparedUnit
    slot: Slot
    cores: tuple[int, ...]  # read back inside the children
    compiler: CCompiler
    run: ReportRun | None
    verified: Mapping[str, Mapping[str, Any]]
    described: Mapping[str, Mapping[str, Any]]
    host: Mapping[str, object]
    started: str  # UTC; the slot was the unit's from then on
    ended: str


def result_of(
    measured: Measured,
    contender: PreparedContender,
    chosen: Candidate | None,
    failure: Failure | None,
    ratios: Mapping[str, Speedup],
    searched: SearchRun | None = None,
) -> TrialResult:
    """The record of one contender; `failure` is what befell it before the report tier."""
    unit, run, name = measured.prepared.unit, measured.run, contender.contender.name
    status = contender.status
    if failure is None and run is not None:
        failure = run.failures.get(name)
    if failure is None and (run is None or not any(s.contender == name for s in run.samples)):
        failure = Failure("measure", "nothing was measured")
    if failure is not None and status == "ok":
        status = "failed"
    timed: Seconds | None = None
    if status == "ok" and run is not None:
        timed = seconds(table(run.samples, name), unit.seed)
    disturbed = noise(run.samples, name) if timed is not None and run is not None else None
    roofline = _roofline(measured.prepared)
    found = measured.verified.get(name, {})
    return TrialResult(
        campaign=unit.campaign,
        trial=unit.trial(contender.contender, fingerprint()),
        attempt=unit.attempt,
        problem=unit.problem.facts,
        dtype=unit.problem.primitive.dtype.name,
        contender=name,
        kind=contender.contender.kind,
        architecture=unit.architecture_name,
        threads=unit.threads,
        status=status,
        stage=failure.stage if failure is not None and status == "failed" else None,
        reason=failure.reason if failure is not None else None,
        gflops=unit.problem.primitive.flops / timed.median * 1e-9 if timed is not None else None,
        roofline=roofline,
        of_roofline=roofline.seconds / timed.median if roofline and timed else None,
        seconds=timed,
        cache=unit.measure.cache,
        speedup=ratios if timed is not None else {},
        tuning_seconds=contender.tuning,
        predicted_seconds=chosen.predicted if chosen is not None else None,
        predicted_ratio=_predicted_ratio(chosen, timed),
        estimate=_estimate(measured.prepared, chosen),
        rank=chosen.rank if chosen is not None else None,
        ranked=contender.space,
        drift=searched.drift if searched is not None else (),
        processes=_processes(run, name) if timed is not None else (),
        max_error=found.get("max_error"),
        tolerance=found.get("tolerance"),
        verified=_verification(found),
        layouts=chosen.layouts if chosen is not None else _layouts(measured.described.get(name)),
        schedule=chosen.schedule if chosen is not None else None,
        numerics=parse_schedule(chosen.schedule).numerics if chosen is not None else (),
        kernel=chosen.kernel if chosen is not None else None,
        node=str(measured.host["name"]),
        cores=measured.cores,
        started=measured.started,
        ended=measured.ended,
        seed=unit.seed,
        stop=run.stop if run is not None and timed is not None else None,
        quality=measured.slot.quality,
        flags=(*contender.flags, *_disturbances(run, name), *_refused(unit, disturbed)),
        noise=disturbed,
        versions=_versions(measured, contender),
        host=measured.host,
    )


def _predicted_ratio(chosen: Candidate | None, timed: Seconds | None) -> float | None:
    if chosen is None or chosen.predicted is None or timed is None:
        return None
    return chosen.predicted / timed.median


def _roofline(prepared: PreparedUnit) -> RooflineFacts | None:
    """Of the unit's problem on the cores that it was given."""
    unit, cold = prepared.unit, prepared.unit.measure.cache == "cold"
    found = own_roofline(unit.problem.primitive, prepared.architecture, unit.threads, cold)
    return None if found is None else RooflineFacts(**asdict(found))


def _estimate(prepared: PreparedUnit, chosen: Candidate | None) -> Estimate | None:
    """For every schedule that stands for a contender, so that a record can say why."""
    if chosen is None:
        return None
    unit = prepared.unit
    schedule = parse_schedule(chosen.schedule)
    try:
        found = estimated(unit.problem.primitive, schedule, prepared.architecture, unit.threads)
    except CompilerError:  # a form that the model does not know
        return None
    return Estimate(found.seconds, found.bound, found.parts, found.moved)


def _processes(run: ReportRun | None, name: str) -> tuple[ProcessNoise, ...]:
    """The contender's processes in the order in which they were started."""
    held: dict[int, list[Sample]] = {}
    for sample in run.samples if run is not None else ():
        if sample.contender == name:
            held.setdefault(sample.process, []).append(sample)
    return tuple(
        ProcessNoise(
            median(sample.seconds for sample in own), len(own), sum(bool(s.flags) for s in own)
        )
        for _, own in sorted(held.items())
    )


def _verification(found: Mapping[str, Any]) -> Verification | None:
    told = {f.name: found[f.name] for f in fields(Verification) if f.name in found}
    return Verification(**told) if told else None


def speedups(measured: Measured, unit: Unit) -> dict[str, dict[str, Speedup]]:
    """baseline seconds / strategy seconds, by strategy and baseline, of those that were timed."""
    run = measured.run
    if run is None:
        return {}
    tables = {
        c.name: table(run.samples, c.name)
        for c in unit.contenders
        if c.name not in run.failures and any(s.contender == c.name for s in run.samples)
    }
    return {
        strategy.name: {
            baseline.name: speedup(
                block_ratios(tables[baseline.name], tables[strategy.name]),
                noise(run.samples, baseline.name, strategy.name),
                unit.seed,
            )
            for baseline in unit.baselines
            if baseline.name in tables
        }
        for strategy in unit.strategies
        if strategy.name in tables
    }


def sample_rows(measured: Measured, name: str) -> tuple[Row, ...]:
    """Raw samples: process, block, position, seconds, calls, flags."""
    assert measured.run is not None
    rows = [asdict(s) for s in measured.run.samples if s.contender == name]
    for row in rows:
        del row["contender"]
    return tuple(rows)


def candidate_rows(contender: PreparedContender, run: SearchRun | None) -> tuple[Row, ...]:
    """schedule, predicted, measured, stage, and what else the search found, in ranked order.

    `candidates` is how many schedules the space has; `places` are the row's in its rankings. `at`
    is when a search knew the row, in seconds of its whole cost, analysis and compilation included;
    `best` is the least that was measured until then.
    """
    rows = _tried_rows(contender) if contender.tried else _schedule_rows(contender, run)
    best: float | None = None
    for row in sorted((row for row in rows if row["at"] is not None), key=itemgetter("at")):
        if row["measured"] is not None:
            best = row["measured"] if best is None else min(best, row["measured"])
        row["best"] = best
    return tuple(rows)


def _tried_rows(contender: PreparedContender) -> list[dict[str, Any]]:
    return [
        {
            "rank": number,
            "schedule": tried.configuration,
            "measured": tried.seconds,
            "at": tried.at,
            "best": None,
            "stage": "measure" if tried.seconds is None else None,
            "reason": tried.reason,
        }
        for number, tried in enumerate(contender.tried)
    ]


def _schedule_rows(contender: PreparedContender, run: SearchRun | None) -> list[dict[str, Any]]:
    searched = iter(run.found if run is not None else ())
    before = contender.tuning.analyse + contender.tuning.compile
    rows: list[dict[str, Any]] = []
    for rank, candidate in enumerate(contender.candidates):
        found = next(searched, None) if candidate.executable is not None else None
        failure = candidate.failure or (found.failure if found is not None else None)
        rows.append(
            {
                "rank": rank,
                "schedule": candidate.schedule,
                "kernel": candidate.kernel,
                "predicted": candidate.predicted,
                "places": dict(candidate.places),
                "candidates": contender.space,
                "measured": found.seconds if found is not None else None,
                "at": before + found.at if found is not None and found.at is not None else None,
                "best": None,
                "retimed": found.retimed if found is not None else None,
                "gave_up": found.gave_up if found is not None else None,
                "max_error": found.max_error if found is not None else None,
                "stage": failure.stage if failure is not None else None,
                "reason": failure.reason if failure is not None else None,
            }
        )
    return rows


def _disturbances(run: ReportRun | None, name: str) -> tuple[str, ...]:
    """`switched out in 12 of 60 samples`: evidence, no sample is dropped for it."""
    if run is None:
        return ()
    held = [s.flags for s in run.samples if s.contender == name]
    counts = Counter(flag for flags in held for flag in flags)
    return tuple(f"{flag} in {counts[flag]} of {len(held)} samples" for flag in sorted(counts))


def _refused(unit: Unit, disturbed: float | None) -> tuple[str, ...]:
    """Said of a trial that `measure.refuse_noise` makes the campaign end with status 1 for."""
    limit = unit.measure.refuse_noise
    if disturbed is None or disturbed <= limit:
        return ()
    return (f"refused: noise {disturbed:.2f} > {limit:g}",)


def _layouts(described: Mapping[str, Any] | None) -> Mapping[str, str]:
    """What an adapter says of its memory formats, as far as it does."""
    told = (described or {}).get("layouts", {})
    return {str(k): str(v) for k, v in told.items()} if isinstance(told, Mapping) else {}


def _versions(measured: Measured, contender: PreparedContender) -> dict[str, str]:
    compiler = measured.compiler
    described = measured.described.get(contender.contender.name, {})
    told = {key: str(value) for key, value in described.items() if key != "layouts"}
    return {
        **versions(),
        "compiler": compiler.version,
        "compiler_flags": " ".join(compiler.flags(measured.prepared.unit.threads > 1)),
        "compiler_target": compiler.target,
        **contender.facts,
        **told,
    }
