"""Recorded campaigns as surveys: each problem's measured schedules and their level bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from compiler.cost.ranking import held_bytes
from compiler.cost.tournament import level_rows
from compiler.errors import CompilerError, shown
from compiler.lower.fit import fitted
from compiler.pipeline import loop_nest, parse_schedule
from compiler.problem.architecture import Architecture, CacheLevel
from compiler.problem.primitive import Primitive
from harness.errors import RecordError
from harness.learn.pairs import Survey
from harness.record.journal import CampaignFolder
from harness.record.result import TrialResult
from harness.settings.recorded import problem_key, recorded_primitives


def surveys_of(folder: CampaignFolder) -> list[Survey]:
    """One survey of every trial that measured several candidates.

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
                found.append(_survey(result, identity, primitives[identity], rows))
            except CompilerError as fault:
                file = folder.candidates_file(result.trial)
                raise RecordError(f"{shown(file, 120)}: {fault}") from fault
    return found


def _survey(
    result: TrialResult, identity: str, primitive: Primitive, rows: Sequence[Mapping[str, Any]]
) -> Survey:
    nest = loop_nest(primitive).nest
    schedules = [parse_schedule(str(row.get("schedule"))) for row in rows]
    for schedule in schedules:
        fitted(nest, schedule)
    held = held_bytes(nest, schedules, _machine(result))
    problem = result.problem
    return Survey(
        network=str(problem.get("workload") or problem.get("primitive")),
        problem=str(problem.get("name")),
        identity=identity,
        rows=level_rows([held[schedule] for schedule in schedules]),
        seconds=np.array([float(row["measured"]) for row in rows]),
    )


def _machine(result: TrialResult) -> Architecture:
    """The caches that the campaign's rankings counted with; nothing else matters to level bytes."""
    sizes = result.host.get("analysed_caches") or result.host.get("caches")
    if not isinstance(sizes, Mapping):
        raise RecordError(f"trial {result.trial}: its host's caches are not recorded")
    caches = tuple(CacheLevel(str(name), int(size)) for name, size in sorted(sizes.items()))
    return Architecture("recorded", "any", vector_bytes=4, vector_registers=1, caches=caches)
