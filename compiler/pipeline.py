"""The compiler's stages, one line each: the only door the harness uses besides the values."""

from __future__ import annotations

from compiler.codegen.generate import generate
from compiler.codegen.kernel import Kernel
from compiler.cost.ranking import Ranked, best_varied, ranker
from compiler.errors import ScheduleError
from compiler.model.loop_nest import loop_nest
from compiler.problem.architecture import Architecture
from compiler.problem.primitive import Primitive
from compiler.schedule.candidates import candidates
from compiler.schedule.fit import check_fit
from compiler.schedule.legality import by_isl
from compiler.schedule.schedule import Schedule, parse_schedule

__all__ = [
    "Ranked",
    "best_varied",
    "compile_schedule",
    "loop_nest",
    "parse_schedule",
    "ranked_schedules",
]


def ranked_schedules(
    primitive: Primitive,
    architecture: Architecture,
    threads: int = 1,
    ranking: str = "roofline",
    limit: int | None = None,
) -> tuple[Ranked, ...]:
    """Candidate schedules of a primitive, best predicted first, at most `limit` of them."""
    model = loop_nest(primitive)
    schedules = candidates(model.nest, architecture, threads)
    return ranker(ranking)(model.nest, schedules, architecture, threads)[:limit]


def compile_schedule(primitive: Primitive, schedule: Schedule) -> Kernel:
    """C text of a primitive under a schedule.

    ScheduleError when the schedule does not fit the nest or breaks a dependence, which it names.
    """
    nest = loop_nest(primitive).nest
    check_fit(nest, schedule)
    refusal = by_isl(nest, schedule)
    if refusal is not None:
        raise ScheduleError(f"{primitive.name}: {refusal}")
    return generate(nest, schedule)
