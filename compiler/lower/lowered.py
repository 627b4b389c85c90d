"""From a schedule to its tree: the only reader of a schedule's loops.

Rankings lower thousands of schedules of a nest. They share few orders and few register tiles, so
each half is worked out once and a schedule only joins the two.
"""

from __future__ import annotations

from functools import lru_cache

from compiler.errors import ScheduleError
from compiler.lower.tiling import register_tiles
from compiler.lower.tree import Grain, Leaf, Level, Loops, Microkernel, Scalar, Tree
from compiler.microkernel.catalogue import CATALOGUE
from compiler.problem.primitive import Primitive, Statement
from compiler.schedule.schedule import Schedule, Sizes, depth_of, loop_of

KEPT = 4096  # of each half


def lowered(nest: Primitive, schedule: Schedule) -> Tree:
    """The tree of a schedule: every statement under the levels of its own loops, in their order.

    Says nothing of legality. ScheduleError when a tile level has no size.
    """
    body = tuple(
        _statement(nest, schedule, number, statement)
        for number, statement in enumerate(nest.statements)
    )
    return Tree(nest, body, schedule.layout, schedule.pack)


def _statement(nest: Primitive, schedule: Schedule, number: int, statement: Statement) -> Loops:
    around, inside = _levels(
        schedule.order,
        schedule.block,
        schedule.parallel,
        statement.loops,
        () if schedule.scheme == "scalar" else statement.reduction_loops,
    )
    leaf: Leaf
    if schedule.scheme == "scalar":
        leaf = Scalar(number, _grains(nest.extents, statement.loops, (), ("", 1), ()))
    else:
        grains = _grains(
            nest.extents, statement.loops, statement.reduction_loops, schedule.vector, schedule.tile
        )
        leaf = Microkernel(
            number,
            CATALOGUE["product" if schedule.microkernel == "product" else schedule.scheme],
            inside,
            grains,
            schedule.vector[0],
            schedule.unroll,
            schedule.prefetch,
            schedule.nontemporal,
        )
    return Loops(around, (leaf,))


@lru_cache(maxsize=KEPT)
def _levels(
    order: tuple[str, ...],
    block: Sizes,
    parallel: tuple[str, ...],
    loops: tuple[str, ...],
    reduction: tuple[str, ...],
) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
    """Levels around the leaf and inside it: those of the reduction that end the order."""
    sizes = dict(block)
    levels = []
    for name in order:
        loop = loop_of(name)
        if loop not in loops:
            continue
        if depth_of(name) and name not in sizes:
            raise ScheduleError(f"schedule: level {name} has no block size; give block:{name}.SIZE")
        levels.append(Level(name, loop, sizes.get(name, 1), name in parallel))
    start = len(levels)
    while start and levels[start - 1].loop in reduction:
        start -= 1
    return tuple(levels[:start]), tuple(levels[start:])


@lru_cache(maxsize=KEPT)
def _grains(
    extents: Sizes,
    loops: tuple[str, ...],
    reduction: tuple[str, ...],
    vector: tuple[str, int],
    tile: Sizes,
) -> tuple[Grain, ...]:
    """The grains of a statement's loops, in the nest's order."""
    limits = dict(tile)
    grains = []
    for loop, extent in extents:
        if loop not in loops:
            continue
        if loop in reduction:
            grains.append(Grain(loop, extent, ((extent, 1),), summed=True))
            continue
        lanes = vector[1] if loop == vector[0] else 1
        grains.append(register_tiles(loop, extent, limits.get(loop, 1), lanes))
    return tuple(grains)
