"""First stage of a unit: rank, print C, compile; failures of a contender stay its own."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.problem.architecture import Architecture
from harness.baseline.baseline import Available, Missing, Prepared, Unprepared
from harness.baseline.builders import availability, baseline_named
from harness.failure import Failure
from harness.kernel.toolchain import Toolchain
from harness.methods import TWIN
from harness.record.result import COMPILED_EARLIER, Status, TuningSeconds
from harness.strategy.known import strategy_named
from harness.strategy.strategy import Rankings
from harness.trial.prepared import PreparedContender, PreparedUnit
from harness.trial.reason import reason_of
from harness.trial.workshop import Workshop
from harness.unit import Contender, Unit, content_id


def prepare_unit(
    unit: Unit, architecture: Architecture, toolchain: Toolchain, jobs: int = 1
) -> PreparedUnit:
    """Everything that needs no measuring slot, with `jobs` C compilers at a time.

    Raises EnvironmentProblem without a C compiler.
    """
    workshop = Workshop(unit, toolchain, jobs)
    primitive, seed = unit.problem.primitive, f"{unit.seed} {content_id(unit.problem.spec)}"
    rankings = Rankings(primitive, architecture, unit.threads, seed, unit.numerics)
    contenders = [
        *(_strategy(contender, rankings, workshop) for contender in unit.strategies),
        *(prepared_baseline(contender, unit, toolchain) for contender in unit.baselines),
    ]
    return PreparedUnit(unit, architecture, tuple(contenders), workshop.kernels)


def installed_here(baselines: Sequence[Contender], toolchain: Toolchain) -> tuple[Contender, ...]:
    """Those whose libraries and tools this node has."""
    found = []
    for contender in baselines:
        if isinstance(availability(contender.method, contender.options, toolchain), Available):
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
        if not isinstance(available, Available) or not isinstance(prepared, Prepared | Unprepared):
            raise TypeError(f"{contender.method} answers in none of a baseline's values")
    except Exception as error:  # a baseline is other people's code
        return _failed(contender, Failure("plan", reason_of(error)))
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


def _strategy(contender: Contender, rankings: Rankings, workshop: Workshop) -> PreparedContender:
    """Candidates of one strategy. Only a search has more than one, and may lose some of them."""
    try:
        where = f"strategy.{contender.name}"
        strategy = strategy_named(contender.method)
        found = strategy.chosen(contender.options, rankings, where)
    except Exception as error:
        return _failed(contender, Failure("plan", reason_of(error)))
    compiled = workshop.compiled(found.choices)
    candidates = tuple(c.candidate for c in compiled)
    return PreparedContender(
        contender,
        candidates=candidates,
        space=found.candidates,
        tuning=TuningSeconds(analyse=found.seconds, compile=sum(c.seconds for c in compiled)),
        facts=workshop.library_versions(candidates),
        flags=(COMPILED_EARLIER,) * any(c.cached for c in compiled) + found.flags,
    ).settled


def _failed(contender: Contender, failure: Failure) -> PreparedContender:
    return PreparedContender(contender, status="failed", failure=failure)


def _without(contender: Contender, status: Status, reason: str) -> PreparedContender:
    return PreparedContender(contender, status=status, failure=Failure("plan", reason))
