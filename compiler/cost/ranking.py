"""Schedules in the order in which a model expects them to run, without running any."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from compiler.cost.roofline import Roofline
from compiler.errors import CompilerError
from compiler.problem.architecture import Architecture
from compiler.problem.primitive import Primitive
from compiler.schedule.schedule import Schedule


@dataclass(frozen=True)
class Ranked:
    """A schedule with its predicted seconds and their parts."""

    schedule: Schedule
    seconds: float
    parts: Mapping[str, float]


Ranker = Callable[[Primitive, Sequence[Schedule], Architecture, int], tuple[Ranked, ...]]


def roofline(
    nest: Primitive, schedules: Sequence[Schedule], machine: Architecture, threads: int
) -> tuple[Ranked, ...]:
    """Best first; equal predictions in the order of the schedules' text."""
    model = Roofline(nest, machine)
    ranked = []
    for schedule in schedules:
        estimate = model.estimate(schedule, threads)
        ranked.append(Ranked(schedule, estimate.seconds, estimate.parts))
    return tuple(sorted(ranked, key=lambda r: (r.seconds, str(r.schedule))))


RANKERS: dict[str, Ranker] = {"roofline": roofline}


def ranker(name: str) -> Ranker:
    """The ranking function called `name`; an unknown name lists the known ones."""
    if name not in RANKERS:
        raise CompilerError(f"unknown ranking '{name}'; known: {', '.join(sorted(RANKERS))}")
    return RANKERS[name]
