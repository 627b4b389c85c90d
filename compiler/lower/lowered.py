"""From a schedule to its tree: the only reader of a schedule's loops.

Rankings lower thousands of schedules of a nest. They share few orders and few register tiles, so
each half is worked out once and a schedule only joins the two.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from compiler.errors import ScheduleError
from compiler.lower.fusion import fused_loops
from compiler.lower.tiling import register_tiles, whole_tiles
from compiler.lower.tree import Fused, Grain, Level, Loops, Microkernel, Path, Private, Scalar, Tree
from compiler.microkernel.catalogue import CATALOGUE
from compiler.model.loop_nest import Guard, nest_guards
from compiler.problem.primitive import Primitive
from compiler.schedule.schedule import Band, Schedule, Sizes, depth_of, loop_of

KEPT = 4096  # of each half


def lowered(nest: Primitive, schedule: Schedule) -> Tree:
    """The tree of a schedule: every statement under the levels of its own loops, band by band.

    Says nothing of legality. ScheduleError when a tile level has no size, or bands and statements
    do not belong together.
    """
    body = tuple(
        _statement(nest, band, number)
        for band, numbers in anchored(nest, schedule)
        for number in numbers
    )
    return Tree(nest, body, schedule.layout, schedule.pack)


def anchored(nest: Primitive, schedule: Schedule) -> tuple[tuple[Band, tuple[int, ...]], ...]:
    """Each band with the statements whose loops it holds: those of its own, fused ones left out.

    Every statement stands in one band, bands in the program's order.
    """
    every = tuple(range(len(nest.statements)))
    first = schedule.bands[0]
    if len(schedule.bands) == 1 and first.of is None and not first.fusion:
        return ((first, every),)
    where = f"{nest.name}: schedule"
    found: list[tuple[Band, tuple[int, ...]]] = []
    taken: dict[int, str] = {}
    fused = {attached.statement for band in schedule.bands for attached in band.fusion}
    for band in schedule.bands:
        free = (number for number in every if number not in taken and number not in fused)
        number = band.of if band.of is not None else next(free, len(every))
        named = [("of", number), *(("fusion", attached.statement) for attached in band.fusion)]
        for field, one in named:
            if one not in every:
                there = f"there are S0 to S{every[-1]}" if len(every) > 1 else "there is S0 alone"
                raise ScheduleError(f"{where}: {field}:S{one} is no statement; {there}")
            if one in taken:
                raise ScheduleError(f"{where}: {field}:S{one}: it stands in two bands")
            if field == "fusion" and one < number:
                raise ScheduleError(f"{where}: fusion:S{one} runs before S{number}, not after it")
            taken[one] = field
        found.append((band, (number,)))
    if missing := [number for number in every if number not in taken]:
        raise ScheduleError(f"{where}: S{missing[0]} stands in no band; give it of or fusion")
    if sorted(found, key=lambda one: one[1]) != found:
        raise ScheduleError(f"{where}: of: bands must stand in the order of their statements")
    return tuple(found)


def _statement(nest: Primitive, band: Band, number: int) -> Loops | Private:
    loops = _loops(nest, band, number)
    target = nest.statements[number].target.tensor
    own = [level for tensor, level in band.private if tensor == target]
    private = tuple(level for level in loops.levels if level.name in own)
    return Private(target, private, (loops,)) if private else loops


def _loops(nest: Primitive, band: Band, number: int) -> Loops:
    statement = nest.statements[number]
    around, inside = _levels(
        band.order,
        band.block,
        band.parallel,
        tuple(level for _, level in band.private),
        statement.loops,
        () if band.scheme == "scalar" else statement.reduction_loops,
    )
    if band.scheme == "scalar":
        grains = _grains(nest.extents, statement.loops, (), ("", 1), ())
        return Loops(around, (Scalar(number, grains, _clips(nest, number)),))
    grains = _grains(
        nest.extents, statement.loops, statement.reduction_loops, band.vector, band.tile
    )
    leaf = Microkernel(
        number,
        CATALOGUE[band.scheme if band.microkernel == "generated" else band.microkernel],
        inside,
        grains,
        band.vector[0],
        band.unroll,
        band.prefetch,
        band.nontemporal,
    )
    if not band.fusion:
        return Loops(around, (leaf,))
    cut = Path(around, leaf).cut
    numbers = tuple(attached.statement for attached in band.fusion)
    loops = fused_loops(nest, number, numbers)
    fused = tuple(Fused(n, own, cut) for n, own in zip(numbers, loops, strict=True))
    return Loops(around, (replace(leaf, fused=fused),))


def _clips(nest: Primitive, number: int) -> tuple[Guard, ...]:
    """The guards outside of which a statement changes nothing; one without loops bounds none."""
    own = (guard for guard in nest_guards(nest) if guard.statement == number)
    return tuple(guard for guard in own if guard.skips and guard.index.terms)


@lru_cache(maxsize=KEPT)
def _levels(
    order: tuple[str, ...],
    block: Sizes,
    parallel: tuple[str, ...],
    private: tuple[str, ...],
    loops: tuple[str, ...],
    reduction: tuple[str, ...],
) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
    """Levels around the leaf and inside it: those of the reduction that end the order.

    A private level is around it: each piece calls the leaf with a copy of its own.
    """
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
    while start and levels[start - 1].loop in reduction and levels[start - 1].name not in private:
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
        lanes = vector[1] if loop == vector[0] else 1
        if loop in reduction:
            runs = whole_tiles(-(-extent // lanes), limits.get(loop, 1))
            grains.append(Grain(loop, extent, runs, lanes, summed=True))
            continue
        grains.append(register_tiles(loop, extent, limits.get(loop, 1), lanes))
    return tuple(grains)
