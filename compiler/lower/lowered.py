"""From a schedule to its tree: the only reader of a schedule's loops.

Rankings lower thousands of schedules of a nest. They share few orders and few register tiles, so
each half is worked out once and a schedule only joins the two.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from compiler.errors import ScheduleError
from compiler.lower.attach import Needed
from compiler.lower.fusion import fused_loops
from compiler.lower.region import Region
from compiler.lower.stages import with_stages
from compiler.lower.tiling import register_tiles, whole_tiles
from compiler.lower.tree import (
    Around,
    Fused,
    Grain,
    Level,
    Loops,
    Microkernel,
    Path,
    Private,
    Scalar,
    Subtree,
    Tree,
    last_leaf,
    surrounding,
)
from compiler.microkernel.catalogue import CATALOGUE
from compiler.model.loop_nest import Guard, nest_guards
from compiler.problem.primitive import Primitive
from compiler.schedule.schedule import (
    ROOT,
    Attached,
    Band,
    Schedule,
    Sizes,
    depth_of,
    loop_of,
)

KEPT = 4096  # of each half


def lowered(nest: Primitive, schedule: Schedule) -> Tree:
    """The tree of a schedule: every statement under the levels of its own loops, band by band.

    Says nothing of legality. ScheduleError when a tile level has no size, or bands and statements
    do not belong together.
    """
    bands = anchored(nest, schedule)
    if not any(band.attached for band, _ in bands):
        body = tuple(_statement(nest, band, n) for band, numbers in bands for n in numbers)
        return Tree(nest, body, schedule.layout, schedule.pack)
    return _nested(nest, schedule)


@lru_cache(maxsize=KEPT)
def _nested(nest: Primitive, schedule: Schedule) -> Tree:
    """The same of bands inside others: asked for when one is made, ranked and printed."""
    of = {number: band for band, numbers in anchored(nest, schedule) for number in numbers}
    inside = {attached.statement for band in of.values() for attached in band.attached}
    body = tuple(_hosting(Needed(nest), of, n, (), ()) for n in of if n not in inside)
    return with_stages(Tree(nest, body, schedule.layout, schedule.pack))


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
    fused = {number for band in schedule.bands for number in band.fused}
    inside: set[int] = set()
    for band in schedule.bands:
        free = (number for number in every if number not in taken and number not in fused)
        number = band.of if band.of is not None else next(free, None)
        if number is None:
            raise ScheduleError(
                f"{where}: a {band.scheme} band is left over: every statement has a band already"
            )
        named = [("of", number), *(("fusion", one) for one in band.fused)]
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
        for attached in band.attached:
            _check_attached(where, attached, [n for _, own in found[:-1] for n in own], inside)
            inside.add(attached.statement)
    if missing := [number for number in every if number not in taken]:
        raise ScheduleError(f"{where}: S{missing[0]} stands in no band; give it of or fusion")
    if sorted(found, key=lambda one: one[1]) != found:
        raise ScheduleError(f"{where}: of: bands must stand in the order of their statements")
    return tuple(found)


def _check_attached(
    where: str, attached: Attached, earlier: Sequence[int], inside: Collection[int]
) -> None:
    place = f"{where}: fusion:S{attached.statement}.{attached.at}"
    if attached.statement not in earlier:
        raise ScheduleError(f"{place}: no earlier band is of S{attached.statement}")
    if attached.statement in inside:
        raise ScheduleError(f"{place}: it is attached twice")


def _hosting(
    needed: Needed,
    bands: Mapping[int, Band],
    number: int,
    around: tuple[Around, ...],
    regions: tuple[Region, ...],
) -> Loops:
    """The loops of a statement, the bands that are attached to them in their bodies.

    Readers are placed before what they read: they tell which points of it they need.
    """
    nest, band = needed.nest, bands[number]
    node = _loops(nest, band, number, regions)
    leaf = last_leaf(node)
    needed.paths[number] = Path(node.levels, leaf, around=around)
    places = {level.name: place for place, level in enumerate(node.levels)}
    children: dict[int, list[Subtree]] = {}
    for one in sorted(band.attached, key=lambda one: -one.statement):
        if one.at not in places:
            raise ScheduleError(
                f"{nest.name}: schedule: fusion:S{one.statement}.{one.at}: that level is inside "
                f"the microkernel of S{number}"
            )
        place = places[one.at]
        inner = surrounding(node.levels[: place + 1], leaf, around)
        fused = bands[one.statement].fused
        pairs = fused_loops(nest, one.statement, fused)
        names = {n: dict(own) for n, own in zip(fused, pairs, strict=True)}
        kept = _around_buffer(band, one.statement, len(around), places)
        own = needed.regions(one.statement, names, inner, kept)
        child = _hosting(needed, bands, one.statement, inner, own)
        children.setdefault(place, []).insert(0, child)
    body, below = node.body, len(node.levels)
    for place in sorted(children, reverse=True):
        rest = node.levels[place + 1 : below]
        body = (*children[place], *((Loops(rest, body),) if rest else body))
        below = place + 1
    return Loops(node.levels[:below], body)


def _around_buffer(band: Band, number: int, above: int, places: Mapping[str, int]) -> int | None:
    """How many levels are around the buffer of a statement that is kept; None where it is not."""
    for one in band.keep:
        if one.statement == number:
            return 0 if one.at == ROOT else above + places[one.at] + 1
    return None


def _statement(nest: Primitive, band: Band, number: int) -> Loops | Private:
    loops = _loops(nest, band, number)
    target = nest.statements[number].target.tensor
    own = [level for tensor, level in band.private if tensor == target]
    private = tuple(level for level in loops.levels if level.name in own)
    return Private(target, private, (loops,)) if private else loops


def _loops(nest: Primitive, band: Band, number: int, regions: tuple[Region, ...] = ()) -> Loops:
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
        grains = _grains(nest.extents, statement.loops, (), ("", 1), (), regions)
        return Loops(around, (Scalar(number, grains, _clips(nest, number)),))
    grains = _grains(
        nest.extents, statement.loops, statement.reduction_loops, band.vector, band.tile, regions
    )
    leaf = Microkernel(
        number,
        CATALOGUE[band.scheme if band.microkernel == "generated" else band.microkernel],
        inside,
        grains,
        band.vector[0],
        band.unroll,
        band.prefetch,
        band.ahead,
        band.nontemporal,
    )
    if not band.fused:
        return Loops(around, (leaf,))
    cut = Path(around, leaf).cut
    loops = fused_loops(nest, number, band.fused)
    fused = tuple(Fused(n, own, cut) for n, own in zip(band.fused, loops, strict=True))
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
    regions: tuple[Region, ...],
) -> tuple[Grain, ...]:
    """The grains of a statement's loops, in the nest's order."""
    limits = dict(tile)
    within = {region.loop: region for region in regions}
    grains = []
    for loop, extent in extents:
        if loop not in loops:
            continue
        lanes = vector[1] if loop == vector[0] else 1
        limit = limits.get(loop, 1)
        if loop in reduction:
            runs = whole_tiles(-(-extent // lanes), limit)
            grains.append(Grain(loop, extent, runs, lanes, summed=True))
            continue
        region = within.get(loop)
        size = extent if region is None else region.size
        grain = register_tiles(loop, size, limit, lanes)
        if region is not None and not region.fixed:  # all alike, what is left at the end
            largest = grain.runs[0][1]
            grain = replace(grain, runs=((-(-size // (largest * lanes)), largest),))
        grains.append(replace(grain, region=region) if region is not None else grain)
    return tuple(grains)
