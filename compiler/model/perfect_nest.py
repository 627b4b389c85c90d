"""A perfect nest of one statement: what the paper's analysis of reuse works on.

Tiling makes more loops: a loop `ic` cut into tiles of 16 points becomes the loops `ic@1` and `ic`,
and an index `ic` becomes `16*ic@1 + ic`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from compiler.errors import ScheduleError
from compiler.model.dependences import between
from compiler.model.isl_names import Cuts, executed_domain, first_differ, time_map
from compiler.problem.primitive import Access, Affine, Primitive


@dataclass(frozen=True)
class PerfectNest:
    """Loops outermost first with their extents; accesses by index expressions over these loops.

    The first access is the write. Every loop runs from 0 over all of its extent: tensors count as
    physically padded, so no iteration is left out at a border. The one exception is a loop that
    its outermost tiles do not divide: `limits` holds `index < size` for it, which cuts the last
    tile short. Without limits the domain is a box.
    """

    loops: tuple[tuple[str, int], ...]
    accesses: tuple[Access, ...]
    limits: tuple[tuple[Affine, int], ...] = ()


def nest_of_order(
    primitive: Primitive, order: Sequence[str], tiles: Mapping[str, int]
) -> PerfectNest:
    """A primitive's own loops in an order, tiled.

    `order` holds the levels, outermost first: `ic`, `ic@1` over tiles of it, `ic@2` over tiles of
    those; a loop of extent 1 may be left out. `tiles` gives the points in a tile by level, `ic`
    meaning `ic@1`. A tile divides the tile around it; the last of the outermost ones may be short.
    Raises ScheduleError: what does not fit the primitive, or the dependence that the order breaks.
    """
    if len(primitive.statements) != 1:
        _refuse(
            primitive, f"working sets are for one statement, it has {len(primitive.statements)}"
        )
    _check_order(primitive, order)
    sizes = _tile_sizes(primitive, order, tiles)
    extents = dict(primitive.extents)
    around = dict(extents)
    loops: list[tuple[str, int]] = []
    terms: dict[str, list[tuple[str, int]]] = {loop: [] for loop in extents}
    limits: list[tuple[str, int]] = []
    for level in order:
        loop, size = level.partition("@")[0], sizes[level]
        if around[loop] % size:
            if around[loop] != extents[loop]:
                _refuse(primitive, f"tile {level}: {size} does not divide {around[loop]} around it")
            limits.append((loop, extents[loop]))
        loops.append((level, -(-around[loop] // size)))
        terms[loop].append((level, size))
        around[loop] = size
    _check_dependences(primitive, [(level.partition("@")[0], sizes[level]) for level in order])

    def of_levels(index: Affine) -> Affine:
        expanded = [(level, c * size) for loop, c in index.terms for level, size in terms[loop]]
        return Affine(tuple(sorted(expanded)), index.constant)

    statement = primitive.statements[0]
    return PerfectNest(
        tuple(loops),
        tuple(
            Access(access.tensor, tuple(of_levels(index) for index in access.indices))
            for access in dict.fromkeys(statement.accesses)
        ),
        tuple((of_levels(Affine(((loop, 1),))), size) for loop, size in limits),
    )


def _check_order(primitive: Primitive, order: Sequence[str]) -> None:
    """Every loop with its levels from the coarsest to the loop itself, none twice."""
    extents = dict(primitive.extents)
    depths: dict[str, list[int]] = {loop: [] for loop in extents}
    for level in order:
        loop, at, depth = level.partition("@")
        if loop not in extents:
            _refuse(primitive, f"order: unknown loop '{level}'; known: {', '.join(extents)}")
        if at and not (len(depth) == 1 and depth in "123456789"):
            _refuse(primitive, f"order: '{level}' is no level; expected LOOP or LOOP@1 to LOOP@9")
        depths[loop].append(int(depth or 0))
    for loop, extent in extents.items():
        found = depths[loop]
        if len(set(found)) != len(found):
            _refuse(primitive, f"order: a level of '{loop}' stands there twice")
        if (found or extent > 1) and 0 not in found:
            _refuse(primitive, f"order: loop '{loop}' is missing")
        if found != sorted(found, reverse=True):
            _refuse(primitive, f"order: '{loop}' must stand inside its tile loops, coarsest first")


def _tile_sizes(
    primitive: Primitive, order: Sequence[str], tiles: Mapping[str, int]
) -> dict[str, int]:
    """Points of its loop in one iteration of each level."""
    sizes = {level: 1 for level in order if "@" not in level}
    for name, size in tiles.items():
        level = name if "@" in name else f"{name}@1"
        if level not in order:
            _refuse(primitive, f"tiles: the order has no level '{level}'")
        if level in sizes:
            _refuse(primitive, f"tiles: '{level}' is given twice")
        extent = primitive.extent(level.partition("@")[0])
        if not 1 <= size <= extent:
            _refuse(primitive, f"tiles: {name}: must be 1 to {extent}, its loop, got {size}")
        sizes[level] = size
    for level in order:
        if level not in sizes:
            _refuse(primitive, f"tiles: level '{level}' has no size")
    return sizes


def _check_dependences(primitive: Primitive, levels: Sequence[tuple[str, int]]) -> None:
    """Refuse an order of (loop, points) that runs a dependence backwards; reductions may."""
    runs: list[tuple[str, Cuts]] = []
    for loop, size in levels:
        whole, rest = divmod(primitive.extent(loop), size)
        runs.append((loop, [(n, points) for n, points in ((whole, size), (1, rest)) if points]))
    times = time_map(primitive, 0, runs)
    for dependence in between(primitive, 0, 0, executed_domain):
        if dependence.reduction:
            continue
        pairs = dependence.relation.apply_domain(times).apply_range(times)
        for place, (loop, _) in enumerate(levels):
            _, backwards = first_differ(pairs, place)
            if not backwards.is_empty():
                what = f"{dependence.kind} {dependence.source_access}"
                _refuse(primitive, f"order: loop {loop} runs a dependence backwards ({what})")


def _refuse(primitive: Primitive, message: str) -> NoReturn:
    raise ScheduleError(f"{primitive.name}: {message}")
