"""Which points of a statement are computed on another's register tile: those of equal elements.

    S0: c[m,n] += a[m,k] * b[k,n]
    S1: y[i,j] = max(c[i,j] + bias[j], 0)       i takes the points of m, j those of n

A fused statement reads what the tile holds, or writes it, and has a loop for each of the tile's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from compiler.errors import ScheduleError
from compiler.model.accesses import mapped
from compiler.problem.primitive import Access, Affine, Primitive, Statement

Pairs = tuple[tuple[str, str], ...]  # a fused statement's loop, the anchor's loop


@lru_cache(maxsize=1024)
def fused_loops(nest: Primitive, anchor: int, numbers: tuple[int, ...]) -> tuple[Pairs, ...]:
    """The pairs of each of the statements fused into the anchor.

    ScheduleError when one of them is not element by element on the anchor's tile: it sums, leaves
    out a loop, or has no element of the tile.
    """
    statement = nest.statements[anchor]
    own = _own(statement)
    held = {statement.target.tensor: statement.target}  # in the anchor's loops
    found = []
    for number in numbers:
        fused = nest.statements[number]
        where = f"{nest.name}: schedule: fusion:S{number}"
        if fused.reduction_loops:
            loop = fused.reduction_loops[0]
            raise ScheduleError(f"{where}: it reduces over {loop}, not element by element")
        seen = next((a for a in (*fused.reads, fused.target) if a.tensor in held), None)
        if seen is None:
            raise ScheduleError(f"{where}: it has no element of what S{anchor} computes")
        pairs = _pairs(held[seen.tensor], seen)
        extents = [(nest.extent(loop), nest.extent(other)) for loop, other in pairs]
        if {loop for loop, _ in pairs} != set(fused.loops) or {o for _, o in pairs} != set(own):
            raise ScheduleError(
                f"{where}: {seen} of loops {', '.join(fused.loops)} is not one element for each "
                f"point of {', '.join(own)}"
            )
        if any(one != other for one, other in extents):
            raise ScheduleError(f"{where}: its loops are not as long as those of S{anchor}")
        held.setdefault(fused.target.tensor, in_loops(fused, dict(pairs)).target)
        found.append(pairs)
    return tuple(found)


def _own(statement: Statement) -> tuple[str, ...]:
    return tuple(x for x in statement.loops if x not in statement.reduction_loops)


def _pairs(held: Access, seen: Access) -> Pairs:
    """Loops that stand in the same place of both accesses, whatever is added to them."""
    return tuple(
        (index.loops[0], other.loops[0])
        for index, other in zip(seen.indices, held.indices, strict=True)
        if len(index.loops) == 1 == len(other.loops)
    )


def in_loops(statement: Statement, names: Mapping[str, str]) -> Statement:
    """The statement with its loops renamed."""

    def index(one: Affine) -> Affine:
        terms = tuple(sorted((names.get(loop, loop), c) for loop, c in one.terms))
        return Affine(terms, one.constant)

    def access(one: Access) -> Access:
        return Access(one.tensor, tuple(index(i) for i in one.indices))

    loops = tuple(names.get(loop, loop) for loop in statement.loops)
    return replace(mapped(statement, access), loops=loops)


def followers(nest: Primitive, anchor: int) -> Sequence[int]:
    """Statements after the anchor that could be fused into it, each after those before it."""
    numbers: list[int] = []
    for number in range(anchor + 1, len(nest.statements)):
        try:
            fused_loops(nest, anchor, (*numbers, number))
        except ScheduleError:
            continue
        numbers.append(number)
    return numbers
