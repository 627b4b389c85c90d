"""The schedule of last resort: the untransformed nest, its legal outermost loops parallel."""

from __future__ import annotations

from math import prod

from compiler.lower.legality import structural
from compiler.lower.lowered import lowered
from compiler.problem.primitive import Primitive, Statement
from compiler.schedule.schedule import Band, Schedule

PIECES = 4  # for each thread, so that the last ones to finish are not far behind the others
SHARED = 10_000  # iterations that outweigh waking threads again and again (some microseconds)


def scalar_schedule(nest: Primitive, threads: int = 1) -> Schedule:
    """Every statement under its own loops in the nest's order.

    With several threads, those loops of each statement are parallel that no dependence of any
    statement forbids: its outermost ones, or ones inside a sequential loop that share enough work.

        for i, j, k: c[i,j] += a[i,k] * b[k,j]  ->  parallel i and j; k carries the sum
        for t, i: y[t,i] = y[t-1,i] + x[t,i]    ->  parallel i, if long, anew in every t
    """
    order = tuple(loop for loop, _ in nest.extents)
    schedule = Schedule((Band("scalar", order),))
    if threads == 1:
        return schedule
    sums = {loop for s in nest.statements for loop in s.reduction_loops}
    free = {x for x in order if x not in sums and _legal(nest, schedule, x)}
    chosen = {x for s in nest.statements for x in _parallel_loops(nest, s, free, threads)}
    return schedule.with_band(parallel=tuple(x for x in order if x in chosen))


def _legal(nest: Primitive, schedule: Schedule, loop: str) -> bool:
    """Loops that may be parallel alone may be so together: no pair first differs at any of them."""
    return structural(lowered(nest, schedule.with_band(parallel=(loop,)))) is None


def _parallel_loops(
    nest: Primitive, statement: Statement, free: set[str], threads: int
) -> tuple[str, ...]:
    """The outermost run of a statement's free loops, as long as threads want pieces."""
    own = [loop for loop, _ in nest.extents if loop in statement.loops]
    first = next((place for place, loop in enumerate(own) if loop in free), len(own))
    if first and prod(nest.extent(loop) for loop in own[first:]) < SHARED:
        return ()
    last, pieces = first, 1
    while last < len(own) and own[last] in free and pieces < PIECES * threads:
        pieces *= nest.extent(own[last])
        last += 1
    return tuple(own[first:last])
