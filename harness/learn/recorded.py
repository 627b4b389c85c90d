"""Recorded campaigns as measured problems: every candidate that was timed, and its seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from compiler.errors import CompilerError, shown
from compiler.lower.fit import fitted
from compiler.pipeline import loop_nest, parse_schedule
from compiler.problem.architecture import Architecture, CacheLevel, ProductRate
from compiler.problem.primitive import Primitive
from compiler.schedule.schedule import Schedule
from harness.choices import ArchitectureChoice
from harness.errors import HarnessError, RecordError
from harness.learn.measured import Measured
from harness.record.journal import CampaignFolder
from harness.record.result import TrialResult
from harness.settings.recorded import problem_key, recorded_primitives


def measured_in(folder: CampaignFolder) -> list[Measured]:
    """One of every trial that measured several candidates.

    RecordError where the campaign's configuration does not tell what a problem was.
    """
    primitives = recorded_primitives(folder)
    found = []
    for result in folder.results():
        rows = [row for row in folder.candidates(result.trial) if row.get("measured") is not None]
        if len(rows) > 1:
            identity = problem_key(result.problem)
            if identity not in primitives:
                raise RecordError(
                    f"{folder.configuration}: does not describe {result.problem.get('name')}"
                )
            try:
                found.append(_measured(result, identity, primitives[identity], rows))
            except CompilerError as fault:
                file = folder.candidates_file(result.trial)
                raise RecordError(f"{shown(file, 120)}: {fault}") from fault
    return found


def _measured(
    result: TrialResult, identity: str, primitive: Primitive, rows: Sequence[Mapping[str, Any]]
) -> Measured:
    nest = loop_nest(primitive).nest
    seconds: dict[Schedule, float] = {}
    for row in rows:
        schedule = parse_schedule(str(row.get("schedule")))
        fitted(nest, schedule)
        seconds[schedule] = float(row["measured"])
    problem = result.problem
    described = described_machine(result)
    return Measured(
        name=str(problem.get("name")),
        network=str(problem.get("workload") or problem.get("primitive")),
        identity=identity,
        host=str(result.host.get("cpu")),
        nest=nest,
        machine=described or _caches_alone(result),
        threads=result.threads,
        seconds=seconds,
        described=described is not None,
    )


def described_machine(result: TrialResult) -> Architecture | None:
    """What the campaign's rankings counted with; None where it was not recorded."""
    held = result.host.get("architecture")
    if not isinstance(held, Mapping):
        return None
    fields = {key: value for key, value in held.items() if key != "name" and value is not None}
    try:
        levels = [dict(level) for level in fields.pop("caches", ())]
        caches = {
            str(level.pop("name")): {
                key: value for key, value in level.items() if value is not None
            }
            for level in levels
        }
        fields["products"] = tuple(
            ProductRate(**{**rate, "vectors_per_cycle": tuple(rate["vectors_per_cycle"])})
            for rate in fields.pop("products", ())
        )
        return ArchitectureChoice("recorded", None, fields, caches).described()
    except (KeyError, TypeError, ValueError, HarnessError) as fault:
        reason = shown(fault, 120)
        raise RecordError(f"trial {result.trial}: its host is no machine: {reason}") from fault


def _caches_alone(result: TrialResult) -> Architecture:
    """Of a record of before: nothing else matters to the bytes of working sets."""
    sizes = result.host.get("analysed_caches") or result.host.get("caches")
    if not isinstance(sizes, Mapping):
        raise RecordError(f"trial {result.trial}: its host's caches are not recorded")
    caches = tuple(CacheLevel(str(name), int(size)) for name, size in sorted(sizes.items()))
    return Architecture("recorded", "any", vector_bytes=4, vector_registers=1, caches=caches)
