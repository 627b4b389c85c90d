"""Second stage of a unit, on its slot: search, verify, time in pairs, and make records of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.failure import Failure
from harness.kernel.c_compiler import CCompiler
from harness.kernel.load import ExecutableSpec
from harness.kernel.toolchain import Toolchain
from harness.measure.child import ChildSettings
from harness.measure.contender import ContenderStarter, prepare_data
from harness.measure.host import host_facts
from harness.measure.native import timing_library
from harness.measure.protocol import ReportRun, report_tier
from harness.measure.search_tier import SearchProcess, SearchRun, search_tier
from harness.measure.slot import Slot
from harness.methods import TWIN
from harness.options import options_from
from harness.scratch import scratch_folder
from harness.strategy.known import strategy_named
from harness.strategy.strategy import Timed
from harness.trial.again import Row, measured_again
from harness.trial.prepare import prepared_baseline
from harness.trial.prepared import Candidate, PreparedContender, PreparedUnit, UnitOutcome
from harness.trial.reason import reason_of
from harness.trial.results import Measured, candidate_rows, result_of, sample_rows, speedups
from harness.unit import Unit

log = logging.getLogger("polydl")

REFERENCE_SECONDS = 300.0  # wall-clock limit of computing a reference


@dataclass(frozen=True)
class _Entry:
    """A contender on the slot: the candidate that stands for it, and what its search found."""

    prepared: PreparedContender
    chosen: Candidate | None = None
    searched: SearchRun | None = None
    failure: Failure | None = None
    again: tuple[Row, ...] = ()

    @property
    def name(self) -> str:
        return self.prepared.contender.name

    @property
    def executable(self) -> ExecutableSpec | None:
        if self.failure is not None:
            return None
        return self.prepared.executable if self.chosen is None else self.chosen.executable


def measure_unit(prepared: PreparedUnit, slot: Slot, toolchain: Toolchain) -> UnitOutcome:
    """Every contender verified and timed on the slot's cores; a failure stays its own.

    Raises EnvironmentProblem without a C compiler. Nothing is left behind, whatever happens.
    """
    unit, started = prepared.unit, _now()
    compiler = toolchain.compiler
    timer = timing_library(toolchain)
    with scratch_folder(toolchain.scratch) as scratch:
        data = scratch / "data"
        if isinstance(timer, Failure):
            return _outcome(prepared, slot, started, compiler, _all_failed(prepared, timer))
        child = ChildSettings(slot, timer)
        unready = prepare_data(unit.problem.spec, unit.seed, data, child, REFERENCE_SECONDS)
        if unready is not None:
            return _outcome(prepared, slot, started, compiler, _all_failed(prepared, unready))
        entries: list[_Entry] = []
        for contender in prepared.contenders:
            if contender.contender.method == TWIN:
                entries.append(_twin(contender, entries[0]))
            else:
                entries.append(_entry(contender, unit, child, data, toolchain))
        run, starter = _reported(entries, unit, child, data)
        entries = [_again(entry, unit, child, data) for entry in entries]
        return _outcome(prepared, slot, started, compiler, entries, run, starter)


def verified_kernel(
    prepared: PreparedUnit, slot: Slot, toolchain: Toolchain
) -> tuple[Candidate, Mapping[str, Any]] | Failure:
    """What the first strategy chooses, and what it was held to; only a search is timed.

    Raises EnvironmentProblem without a C compiler.
    """
    unit = prepared.unit
    timer = timing_library(toolchain)
    if isinstance(timer, Failure):
        return timer
    with scratch_folder(toolchain.scratch) as scratch:
        data, child = scratch / "data", ChildSettings(slot, timer)
        unready = prepare_data(unit.problem.spec, unit.seed, data, child, REFERENCE_SECONDS)
        if unready is not None:
            return unready
        entry = _entry(prepared.contenders[0], unit, child, data, toolchain)
        if entry.failure is not None or entry.executable is None or entry.chosen is None:
            return entry.failure or Failure("plan", f"{entry.name} has no kernel of its own")
        starter = ContenderStarter({entry.name: entry.executable}, data, child, unit.measure)
        (started,) = starter([entry.name], 0).values()
        if isinstance(started, Failure):
            return started
        started.close()
        return entry.chosen, starter.verified[entry.name]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _all_failed(prepared: PreparedUnit, failure: Failure) -> list[_Entry]:
    return [
        _Entry(contender, failure=contender.failure or failure) for contender in prepared.contenders
    ]


def _entry(
    prepared: PreparedContender, unit: Unit, child: ChildSettings, data: Path, toolchain: Toolchain
) -> _Entry:
    """Choose what stands for a contender: the first candidate, or the winner of a search."""
    if prepared.deferred:
        prepared = prepared_baseline(prepared.contender, unit, toolchain, child.slot.cores)
    if prepared.failure is not None:
        chosen = prepared.candidates[0] if len(prepared.candidates) == 1 else None
        return _Entry(prepared, chosen, failure=prepared.failure)
    if not prepared.candidates:
        return _Entry(prepared)
    if not strategy_named(prepared.contender.method).searches:
        return _Entry(prepared, prepared.candidates[0])
    start = time.perf_counter()
    usable = [c for c in prepared.candidates if c.executable is not None]
    executables = [c.executable for c in usable if c.executable is not None]
    try:
        run = search_tier(
            executables, lambda: SearchProcess(child, data, unit.measure), unit.measure
        )
    except OSError as error:
        return _Entry(prepared, failure=Failure("measure", f"the search did not run: {error}"))
    spent = time.perf_counter() - start
    prepared = replace(prepared, tuning=replace(prepared.tuning, measure=spent))
    if run.best is None:
        failures = [found.failure for found in run.found if found.failure is not None]
        return _Entry(prepared, searched=run, failure=failures[0])
    return _Entry(prepared, usable[run.best], run)


def _twin(prepared: PreparedContender, first: _Entry) -> _Entry:
    """The first strategy's kernel as a contender of its own."""
    if first.executable is None:
        failure = Failure("plan", f"{first.name} has no kernel to be the twin of")
        return _Entry(prepared, failure=failure)
    return _Entry(
        replace(prepared, candidates=(first.chosen,) if first.chosen else ()), first.chosen
    )


def _reported(
    entries: list[_Entry], unit: Unit, child: ChildSettings, data: Path
) -> tuple[ReportRun, ContenderStarter]:
    executables = {e.name: e.executable for e in entries if e.executable is not None}
    starter = ContenderStarter(executables, data, child, unit.measure)
    pairs = [
        (strategy.name, baseline.name)
        for strategy in unit.strategies
        for baseline in unit.baselines
    ]
    run = report_tier(
        list(executables), pairs, starter, unit.measure, unit.seed, pausing=unit.threads > 1
    )
    return run, starter


def _again(entry: _Entry, unit: Unit, child: ChildSettings, data: Path) -> _Entry:
    """With those of a search that its strategy wants timed once more; what fails there is left.

    Whatever happens, what was measured before stands.
    """
    contender, searched = entry.prepared.contender, entry.searched
    if searched is None or contender.kind != "strategy":
        return entry
    strategy = strategy_named(contender.method)
    options = options_from(strategy.options, contender.options, f"strategy.{contender.name}")
    usable = [c for c in entry.prepared.candidates if c.executable is not None]
    timed = [
        Timed(one.places, None if found.gave_up else found.seconds)
        for one, found in zip(usable, searched.found, strict=True)
    ]
    try:
        roles = strategy.again(options, timed)
        return replace(entry, again=measured_again(usable, searched, roles, unit, child, data))
    except Exception as error:  # a strategy is other people's code
        where = f"{unit.problem.name}: {entry.name}"
        log.warning("%s: nothing is timed again: %s", where, reason_of(error))
        return entry


def _host(prepared: PreparedUnit) -> dict[str, object]:
    """Facts of the node, with the ceilings that its results are held against."""
    return {
        **host_facts(),
        "peak_gflops": prepared.architecture.peak,
        "memory_bandwidth": prepared.architecture.memory_bandwidth,
        # what rankings counted with, measured or configured; "caches" is the system's word
        "analysed_caches": {level.name: level.bytes for level in prepared.architecture.caches},
        "architecture": asdict(prepared.architecture),
    }


def _outcome(
    prepared: PreparedUnit,
    slot: Slot,
    started: str,
    compiler: CCompiler,
    entries: list[_Entry],
    run: ReportRun | None = None,
    starter: ContenderStarter | None = None,
) -> UnitOutcome:
    unit = prepared.unit
    measured = Measured(
        prepared=prepared,
        slot=slot,
        cores=starter.cores if starter is not None and starter.cores else slot.cores,
        compiler=compiler,
        run=run,
        verified=starter.verified if starter is not None else {},
        described=starter.described if starter is not None else {},
        host=_host(prepared),
        started=started,
        ended=_now(),
    )
    ratios = speedups(measured, unit)
    results = []
    samples: dict[str, tuple[Mapping[str, object], ...]] = {}
    candidates: dict[str, tuple[Mapping[str, object], ...]] = {}
    again = {}
    for entry in entries:
        result = result_of(
            measured,
            entry.prepared,
            entry.chosen,
            entry.failure,
            ratios.get(entry.name, {}),
            entry.searched,
        )
        results.append(result)
        if result.status == "ok":
            samples[result.trial] = sample_rows(measured, entry.name)
        if entry.prepared.candidates or entry.prepared.tried:
            candidates[result.trial] = candidate_rows(entry.prepared, entry.searched)
        if entry.again:
            again[result.trial] = entry.again
    kept = {e.chosen.kernel for e in entries if e.chosen is not None and e.chosen.kernel}
    kernels = {name: text for name, text in prepared.kernels.items() if name in kept}
    return UnitOutcome(tuple(results), samples, candidates, kernels, again)
