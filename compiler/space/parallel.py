"""Which loops of a band threads share."""

from __future__ import annotations

from compiler.lower.lowered import lowered
from compiler.problem.primitive import Primitive
from compiler.schedule.schedule import Schedule, loop_of
from compiler.space.scalar import PIECES


def with_parallel(nest: Primitive, schedule: Schedule, threads: int) -> Schedule:
    """The schedule with its outermost legal loops parallel: enough pieces a thread if it can."""
    if threads == 1:
        return schedule
    pieces = 1
    chosen: list[str] = []
    (path,) = lowered(nest, schedule).paths()
    grains = {grain.loop: grain for grain in path.leaf.grains}
    reduction = nest.statements[path.leaf.statement].reduction_loops
    for level in path.levels:
        if level.loop in reduction:
            if chosen:
                break
            continue
        if pieces >= PIECES * threads:
            break
        if level.loop in map(loop_of, chosen):  # pieces of one tile: no rectangle to share
            break
        chosen.append(level.name)
        pieces *= grains[level.loop].pieces(level)
    return schedule.with_band(parallel=tuple(chosen))
