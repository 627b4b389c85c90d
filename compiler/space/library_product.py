"""A schedule with a library's matrix product in place of its microkernel.

    broadcast/vector:n.16/tile:n.2+m.6/order:n+m+k          register tiles of generated C
    broadcast/vector:n.16/tile:n.2+m.512/order:n+m+k/microkernel:libxsmm

The library blocks for registers by itself, so the product takes all points of the levels right
around the microkernel, as far as its operands are matrices there. For caches it does not: they are
halved until what one call touches stays in the second level.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from math import prod

from compiler.errors import ScheduleError
from compiler.lower.fit import fitted
from compiler.lower.lowered import anchored
from compiler.microkernel.catalogue import CATALOGUE
from compiler.microkernel.contraction import contraction, dimension
from compiler.problem.architecture import Architecture
from compiler.problem.primitive import Primitive, Statement
from compiler.schedule.layout import layout_of
from compiler.schedule.schedule import Band, Schedule, Sizes, loop_of


def in_library(
    nest: Primitive, schedules: Iterable[Schedule], library: str, machine: Architecture
) -> tuple[Schedule, ...]:
    """Those that leave the library a product, without repetition; ScheduleError where none does."""
    found = (with_library(nest, schedule, library, machine) for schedule in schedules)
    kept = tuple(dict.fromkeys(schedule for schedule in found if schedule is not None))
    if not kept:
        raise ScheduleError(
            f"{nest.name}: microkernel {library}: no schedule leaves it a matrix product; "
            "use microkernel=generated"
        )
    return kept


def with_library(
    nest: Primitive, schedule: Schedule, library: str, machine: Architecture
) -> Schedule | None:
    """The schedule with every sum of products computed by a library; None where that is none.

    Vectors whose blocks cannot become as wide as the levels around them stay as they are.
    """
    for wide in (True, False):
        found = _replaced(nest, schedule, library, machine, wide)
        if found is None or found == schedule:
            continue
        try:
            fitted(nest, found)
        except ScheduleError:
            continue
        return found
    return None


def _replaced(
    nest: Primitive, schedule: Schedule, library: str, machine: Architecture, wide: bool
) -> Schedule | None:
    bands: list[Band] = []
    found = schedule
    for band, numbers in anchored(nest, schedule):
        if band.scheme == "scalar" or not CATALOGUE[band.scheme].sums:
            bands.append(band)
            continue
        widened = _widened(nest, nest.statements[numbers[0]], band, library, machine, wide)
        if widened is None:
            return None
        bands.append(widened)
        found = _in_wider_blocks(nest, numbers[0], widened, found)
    return replace(found, bands=tuple(bands))


def _in_wider_blocks(nest: Primitive, number: int, band: Band, schedule: Schedule) -> Schedule:
    """Layouts whose blocks of one vector become as wide as the tile, where that pads no more."""
    vector, lanes = band.vector
    width = lanes * band.tile_of(vector)
    roles = contraction(nest, number, vector)
    tags = dict(schedule.layout)
    for access in (roles.vector_operand, roles.output):
        tensor, place = nest.tensor(access.tensor), dimension(access, vector)
        if access.tensor not in tags or place is None:
            continue
        layout = layout_of(tensor, tags[access.tensor])
        blocks = tuple((d, width if d == place else size) for d, size in layout.blocks)
        wider = replace(layout, blocks=blocks)
        if wider.elements == layout.elements:
            tags[access.tensor] = wider.tag()
    return replace(schedule, layout=tuple(sorted(tags.items())))


def _widened(
    nest: Primitive,
    statement: Statement,
    band: Band,
    library: str,
    machine: Architecture,
    wide: bool,
) -> Band | None:
    """The band of a larger tile; None where the levels around it do not go by whole ones."""
    lanes = {band.vector[0]: band.vector[1]}
    tile = _tile(nest, statement, band, wide)
    _fit(tile, nest, statement, band, machine)
    block = []
    for level, size in band.block:
        loop = loop_of(level)
        if loop in statement.reduction_loops:
            block.append((level, size))
            continue
        points = size * band.tile_of(loop) * lanes.get(loop, 1)
        unit = tile.get(loop, 1) * lanes.get(loop, 1)
        if points % unit:
            return None
        block.append((level, points // unit))
    sizes: Sizes = tuple((loop, n) for loop, n in tile.items() if n > 1 or loop in lanes)
    return replace(
        band,
        tile=sizes,
        block=tuple(block),
        unroll=1,
        prefetch=0,
        ahead=(),
        nontemporal=False,
        fusion=(),
        keep=(),
        microkernel=library,
    )


def _tile(nest: Primitive, statement: Statement, band: Band, wide: bool) -> dict[str, int]:
    """Vectors of the vector loop, and points of the innermost other loop of the output."""
    vector, lanes = band.vector
    kept = [level for level in band.order if loop_of(level) not in statement.reduction_loops]
    rows = next((loop_of(level) for level in reversed(kept) if loop_of(level) != vector), None)
    tile = {vector: band.tile_of(vector)}
    if rows is not None:
        tile[rows] = band.tile_of(rows)
    for level in reversed(kept):  # from the innermost one outwards
        if level not in tile or (level == vector and not wide):
            break
        around = _around(nest, band, level, lanes if level == vector else 1)
        tile[level] = around
    return tile


def _fit(
    tile: dict[str, int], nest: Primitive, statement: Statement, band: Band, machine: Architecture
) -> None:
    """Halves the longer side of the tile until its operands stay in the second level of cache."""
    vector, lanes = band.vector
    inner = next(x for x in reversed(band.order) if loop_of(x) in statement.reduction_loops)
    depth = _around(nest, band, inner, 1)
    size = nest.tensor(statement.target.tensor).dtype.bytes

    def touched() -> int:
        width, rows = tile[vector] * lanes, prod(n for loop, n in tile.items() if loop != vector)
        return size * (rows * depth + depth * width + rows * width)

    held = machine.cache("L2")
    while held is not None and touched() > held.bytes:
        longer = [loop for loop, n in tile.items() if n > band.tile_of(loop)]
        if not longer:
            return
        loop = max(longer, key=lambda x: tile[x] * (lanes if x == vector else 1))
        tile[loop] = max(band.tile_of(loop), -(-tile[loop] // 2))


def _around(nest: Primitive, band: Band, loop: str, lanes: int) -> int:
    """Points, or vectors, of a loop inside its level around the finest one, or of all of it."""
    outer = [level for level in band.order if loop_of(level) == loop][:-1]
    if not outer:
        return -(-nest.extent(loop) // lanes)
    size = band.block_of(outer[-1])
    assert size is not None
    return size * band.tile_of(loop)
