"""First stage of a unit: rank, print C, compile; failures of a contender stay its own."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from compiler.codegen.kernel import Kernel
from compiler.errors import CompilerError
from compiler.pipeline import compile_schedule
from compiler.problem.architecture import Architecture
from compiler.schedule.schedule import Schedule
from harness.baseline.baseline import Missing, Unprepared
from harness.baseline.builders import baseline_named
from harness.errors import HarnessError
from harness.failure import Failure
from harness.kernel.build import build
from harness.kernel.load import kernel_spec
from harness.kernel.toolchain import Toolchain
from harness.record.result import COMPILED_EARLIER, Status, TuningSeconds
from harness.trial.prepared import Candidate, PreparedContender, PreparedUnit
from harness.trial.strategies import Choice, Rankings, chosen
from harness.unit import Contender, Unit

TWIN = "twin"


@dataclass(frozen=True)
class _Compiled:
    candidate: Candidate
    text: str | None
    seconds: float  # printing and compiling
    cached: bool


class _Workshop:
    """Compiles for one unit; what two strategies share is done once, paid by both."""

    def __init__(self, unit: Unit, toolchain: Toolchain) -> None:
        self.unit = unit
        self.toolchain = toolchain
        self.kernels: dict[str, str] = {}
        self._compiled: dict[str, _Compiled] = {}

    def compiled(self, choice: Choice) -> _Compiled:
        """The choice's kernel, built; a failure is part of the value."""
        text = str(choice.schedule)
        if text not in self._compiled:
            self._compiled[text] = self._compile(choice.schedule)
        found = self._compiled[text]
        candidate = replace(found.candidate, predicted=choice.predicted, places=choice.places)
        return replace(found, candidate=candidate)

    def _compile(self, schedule: Schedule) -> _Compiled:
        start = time.perf_counter()
        candidate = Candidate(str(schedule))
        try:
            kernel = compile_schedule(self.unit.problem.primitive, schedule)
        except Exception as error:
            failure = Failure("compile", _reason(error))
            return _Compiled(replace(candidate, failure=failure), None, _since(start), False)
        self.kernels[kernel.hash] = kernel.text
        candidate = replace(
            candidate, kernel=kernel.hash, openmp=kernel.openmp, layouts=_layouts(kernel)
        )
        limit = self.unit.measure.compile_seconds
        built = build(kernel.text, kernel.openmp, self.toolchain, limit)
        if isinstance(built, Failure):
            return _Compiled(replace(candidate, failure=built), kernel.text, _since(start), False)
        candidate = replace(candidate, executable=kernel_spec(kernel, built.path))
        return _Compiled(candidate, kernel.text, _since(start), built.cached)


def prepare_unit(unit: Unit, architecture: Architecture, toolchain: Toolchain) -> PreparedUnit:
    """Everything that needs no measuring slot. Raises EnvironmentProblem without a C compiler."""
    workshop = _Workshop(unit, toolchain)
    rankings = Rankings(unit, architecture)
    contenders = [
        *(_strategy(contender, rankings, workshop) for contender in unit.strategies),
        *(prepared_baseline(contender, unit, toolchain) for contender in unit.baselines),
    ]
    return PreparedUnit(unit, architecture, tuple(contenders), workshop.kernels)


def installed_here(baselines: Sequence[Contender], toolchain: Toolchain) -> tuple[Contender, ...]:
    """Those whose libraries and tools this node has."""
    found = []
    for contender in baselines:
        with suppress(Exception):  # a baseline is other people's code
            baseline = baseline_named(contender.method, contender.options, toolchain)
            if not isinstance(baseline.available(), Missing):
                found.append(contender)
    return tuple(found)


def prepared_baseline(
    contender: Contender, unit: Unit, toolchain: Toolchain, cores: tuple[int, ...] = ()
) -> PreparedContender:
    """A baseline that is ready, skipped (missing), unsupported or failed; never raises.

    Without `cores`, one that tunes is only marked as deferred; so is the twin, which is no
    baseline of others but the first strategy's kernel, known once that has been chosen.
    """
    primitive = unit.problem.primitive
    if contender.method == TWIN:
        return PreparedContender(contender, deferred=True)
    try:
        baseline = baseline_named(contender.method, contender.options, toolchain)
        available = baseline.available()
        if isinstance(available, Missing):
            return _without(contender, "skipped", str(available))
        refusal = baseline.supports(primitive)
        if refusal is not None:
            return _without(contender, "unsupported", refusal)
        if baseline.tunes and not cores:
            return PreparedContender(contender, deferred=True)
        prepared = baseline.prepare(primitive, unit.threads, cores)
    except Exception as error:  # a baseline is other people's code
        return _failed(contender, Failure("plan", _reason(error)))
    if isinstance(prepared, Unprepared):
        failure = Failure(prepared.stage, prepared.reason)
        return PreparedContender(
            contender,
            status=prepared.status,
            failure=failure,
            tuning=prepared.seconds,
            tried=prepared.tried,
        )
    return PreparedContender(
        contender,
        executable=prepared.executable,
        tuning=prepared.seconds,
        facts={**available.facts, **prepared.facts},
        flags=("tuning cached",) if prepared.cached and baseline.tunes else (),
        tried=prepared.tried,
    )


def _strategy(contender: Contender, rankings: Rankings, workshop: _Workshop) -> PreparedContender:
    """Candidates of one strategy. Only a search has more than one, and may lose some of them."""
    try:
        found = chosen(contender, rankings)
    except Exception as error:
        return _failed(contender, Failure("plan", _reason(error)))
    compiled = [workshop.compiled(choice) for choice in found.choices]
    candidates = tuple(c.candidate for c in compiled)
    return PreparedContender(
        contender,
        candidates=candidates,
        space=found.candidates,
        tuning=TuningSeconds(analyse=found.seconds, compile=sum(c.seconds for c in compiled)),
        flags=(COMPILED_EARLIER,) * any(c.cached for c in compiled) + found.flags,
    ).settled


def _layouts(kernel: Kernel) -> Mapping[str, str]:
    return {b.name: b.layout.tag() for b in kernel.buffers if b.layout is not None}


def _failed(contender: Contender, failure: Failure) -> PreparedContender:
    return PreparedContender(contender, status="failed", failure=failure)


def _without(contender: Contender, status: Status, reason: str) -> PreparedContender:
    return PreparedContender(contender, status=status, failure=Failure("plan", reason))


def _reason(error: Exception) -> str:
    """One line; a surprise carries its type."""
    text = " ".join(str(error).split())
    expected = isinstance(error, CompilerError | HarnessError)
    return text if expected and text else f"{type(error).__name__}: {text}"


def _since(start: float) -> float:
    return time.perf_counter() - start
