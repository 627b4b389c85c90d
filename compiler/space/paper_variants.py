"""The variants of the PolyDL paper (ACM TACO 18(1), 2021) as ordinary schedules.

The innermost three levels (columns, channels out, channels in) are one matrix product, which the
paper gives to a library: `microkernel:product`. Around it run six loop orders for convolutions
with two of them tiled, and one order with two levels of tiles for matrix products.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from math import gcd, prod

from compiler.errors import ScheduleError
from compiler.lower.legality import structural
from compiler.lower.lowered import lowered
from compiler.microkernel.contraction import anchor, dimension
from compiler.microkernel.register_tile import RegisterTile, dividing_tile
from compiler.model.loop_nest import LoopNest
from compiler.problem.architecture import Architecture
from compiler.problem.primitive import Access, Primitive
from compiler.schedule.layout import Layout, free
from compiler.schedule.schedule import Band, Schedule
from compiler.space.axes import Axes, axes_of
from compiler.space.candidates import MULTIPLY_ADDS, printed_multiply_adds
from compiler.space.chain import Chain
from compiler.space.lanes import lanes_of
from compiler.space.operand_layouts import OperandLayouts, operand_layouts
from compiler.space.parallel import with_parallel
from compiler.space.unrolling import unrolled

CHANNEL_BLOCKS = (64, 32, 16)  # the last one also where it does not divide: channels are padded
PRODUCT_TILES = (16, 32, 64)  # of a matrix product's innermost level
MOST_VARIANTS = 20_000  # of a matrix product: those of 8192 x 8192 x 8192
Advance = tuple[str, int]  # loop, and the points of it that one iteration of a level covers


@dataclass(frozen=True)
class _Convolution:
    """The levels that the orders are made of; a pixel loop may be rows and columns coalesced."""

    axes: Axes
    images: tuple[Advance, ...]
    row: Advance | None  # loop, and the points of one row
    rows: int
    column: str | None
    columns: int
    block: int
    layouts: OperandLayouts


def paper_variants(
    model: LoopNest, machine: Architecture, threads: int = 1, fuse: bool = True
) -> tuple[Schedule, ...]:
    """All variants, without repetition: first the untiled orders, then the tiled ones.

    Statements around the convolution or matrix product are arranged as by `candidates`. Raises
    ScheduleError for what is neither a convolution over channels nor a matrix product.
    """
    number = anchor(model.nest)
    if number is None or len(model.nest.statements) == 1:
        return _variants(model, machine, threads)
    chain = Chain(model.nest, number, machine, threads, fuse)
    alone = replace(model, nest=chain.alone)
    found = (chain.around(schedule) for schedule in _variants(alone, machine, threads))
    return tuple(s for s in found if s and structural(lowered(model.nest, s)) is None)


def _variants(model: LoopNest, machine: Architecture, threads: int) -> tuple[Schedule, ...]:
    readings = [a for a in axes_of(model.nest) if a.channel is not None]
    if not readings:
        raise ScheduleError(
            f"{model.name}: the paper's variants are of convolutions over channels and of matrix "
            "products; use space=full"
        )
    roles = readings[0].roles
    if all(len(model.primitive.tensor(a.tensor).shape) == 2 for a in roles.accesses):
        found = _matrix_products(model.nest, readings, machine)
    else:
        found = _convolutions(model, readings, machine)
    return tuple(dict.fromkeys(with_parallel(model.nest, s, threads) for s in found))


def _convolutions(
    model: LoopNest, readings: list[Axes], machine: Architecture
) -> Iterator[Schedule]:
    nest = model.nest
    shape = _convolution(model, _reading(nest, readings), machine)
    axes, lanes, block = shape.axes, shape.layouts.lanes, shape.block
    vectors = gcd(block // lanes, -(-nest.extent(axes.vector) // lanes))
    for order in _orders(nest, shape):
        columns = min((n for loop, n in order if loop == shape.column), default=shape.columns)
        columns = min(columns, shape.columns)
        tile = dividing_tile(machine, columns, vectors)
        yield _schedule(nest, axes, shape.layouts, shape.column, tile, order)


def _reading(nest: Primitive, readings: list[Axes]) -> Axes:
    """Lanes along the weights' channels: constant if they are, and used by the most pixels."""

    def preference(axes: Axes) -> tuple[bool, int]:
        return nest.tensor(axes.roles.vector_operand.tensor).constant, len(axes.pixels)

    return max(readings, key=preference)


def _convolution(model: LoopNest, axes: Axes, machine: Architecture) -> _Convolution:
    nest, origin = model.nest, dict(model.origin)
    target = axes.roles.output.loops
    spatial: list[tuple[Advance, int]] = []  # an original loop's nest loop and step; its extent
    for loop in target[target.index(axes.vector) + 1 :]:
        extents = [model.primitive.extent(o) for o in origin[loop]]
        steps = [prod(extents[k + 1 :]) for k in range(len(extents))]
        spatial += [((loop, step), n) for step, n in zip(steps, extents, strict=True)]
    before = tuple((loop, 1) for loop in target[: target.index(axes.vector)])
    absent: list[tuple[Advance, int] | None] = [None, None]
    *images, row, column = absent + list(spatial)
    lanes = lanes_of(nest, axes.vector, machine)
    assert axes.channel is not None
    both = gcd(nest.extent(axes.vector), nest.extent(axes.channel))
    block = next((b for b in CHANNEL_BLOCKS if both % b == 0), CHANNEL_BLOCKS[-1])
    return _Convolution(
        axes,
        before + tuple(outer[0] for outer in images if outer is not None),
        row[0] if row is not None else None,
        row[1] if row is not None else 1,
        column[0][0] if column is not None else None,
        column[1] if column is not None else 1,
        block,
        OperandLayouts("broadcast", lanes, block, _layouts(nest, axes, block), ()),
    )


def _layouts(nest: Primitive, axes: Axes, block: int) -> tuple[tuple[str, str], ...]:
    """data [n][ic/B][ih][iw][B], out [n][oc/B][oh][ow][B], weight [oc/B][ic/B][kh][kw][B][B]."""
    channel, vector = axes.channel, axes.vector

    def tag(access: Access, *loops: str | None) -> tuple[str, str]:
        tensor = nest.tensor(access.tensor)
        if not free(tensor):
            raise ScheduleError(
                f"{nest.name}: the paper's variants block the channels of '{tensor.name}', "
                "but its layout is fixed by the caller; use space=full"
            )
        found = [dimension(access, loop) for loop in loops if loop is not None]
        blocks = tuple((d, block) for d in found if d is not None)
        return tensor.name, Layout(tensor.shape, tuple(range(len(tensor.shape))), blocks).tag()

    roles = axes.roles
    return tuple(
        sorted(
            (
                tag(roles.broadcast_operand, channel),
                tag(roles.vector_operand, channel, vector),
                tag(roles.output, vector),
            )
        )
    )


def _orders(nest: Primitive, shape: _Convolution) -> Iterator[tuple[Advance, ...]]:
    """Levels around the product: the untiled orders 2 to 5 of the paper, then 0 and 1 tiled."""
    axes, block, taps = shape.axes, shape.block, tuple((tap, 1) for tap in shape.axes.taps)
    assert axes.channel is not None
    out, into = (axes.vector, block), (axes.channel, block)
    images = shape.images
    row = (shape.row,) if shape.row is not None else ()
    yield (*images, out, into, *row, *taps)
    yield (*images, *row, *taps, out, into)
    yield (*images, out, *taps, into, *row)
    yield (*images, into, *taps, *row, out)
    tiles = product(
        _powers_of_two(nest.extent(axes.vector), block),
        _powers_of_two(nest.extent(axes.channel), block),
        _halves(shape.rows),
        _halves(shape.columns),
    )
    for outs, intos, rows, columns in tiles:
        out_tile, into_tile = (axes.vector, outs), (axes.channel, intos)
        row_tile = tuple((loop, step * rows) for loop, step in row)
        column_tile = ((shape.column, columns),) if shape.column is not None else ()
        yield (*images, out_tile, into_tile, *row_tile, out, into, *row, *column_tile, *taps)
        yield (*images, out_tile, *row_tile, *row, *column_tile, out, into_tile, into, *taps)


def _matrix_products(
    nest: Primitive, readings: list[Axes], machine: Architecture
) -> Iterator[Schedule]:
    """it2 jt2 kt2 it1 jt1 kt1 around the product of one inner tile."""
    # lanes along the last loop of the output, if that can be
    found = ((a, p) for a in reversed(readings) for p in operand_layouts(nest, a, machine))
    axes, layouts = next(found, (None, None))
    if axes is None or layouts is None:
        raise ScheduleError(f"{nest.name}: no layout makes the vectors of a product contiguous")
    assert axes.channel is not None
    rows = axes.pixels[-1] if axes.pixels else None
    loops = (*axes.pixels, axes.vector, axes.channel)
    choices = [list(_two_tiles(nest.extent(loop))) for loop in loops]
    counted = prod(map(len, choices))
    if counted > MOST_VARIANTS:
        raise ScheduleError(
            f"{nest.name}: the paper's space has {counted} variants, {MOST_VARIANTS} are ranked; "
            "use space=full"
        )
    for tiles in product(*choices):
        sized = dict(zip(loops, tiles, strict=True))
        outer = tuple((loop, sized[loop][0]) for loop in loops)
        inner = tuple((loop, sized[loop][1]) for loop in loops)
        points = sized[rows][1] if rows is not None else 1
        vectors = -(-sized[axes.vector][1] // layouts.lanes)
        yield _schedule(
            nest, axes, layouts, rows, dividing_tile(machine, points, vectors), outer + inner
        )


def _schedule(
    nest: Primitive,
    axes: Axes,
    layouts: OperandLayouts,
    pixel: str | None,
    register: RegisterTile,
    around: tuple[Advance, ...],
) -> Schedule:
    """Levels around a product, and the product's own: pixel, vector and channel.

    A level that covers all of the one around it is left out.
    """
    assert axes.channel is not None
    tile = {axes.vector: register.vectors}
    if pixel is not None and register.points > 1:
        tile[pixel] = register.points
    own = tuple(loop for loop in (pixel, axes.vector, axes.channel) if loop is not None)
    kept: list[Advance] = []
    covered = dict(nest.extents)
    for loop, points in around:
        finest = loop not in own and (loop, points) == [x for x in around if x[0] == loop][-1]
        if finest or points < covered[loop]:
            kept.append((loop, points))
            covered[loop] = points
    kept += [(loop, 1) for loop in own]
    order: list[str] = []
    block: list[Advance] = []
    for place, (loop, points) in enumerate(kept):
        depth = sum(later == loop for later, _ in kept[place + 1 :])
        order.append(f"{loop}@{depth}" if depth else loop)
        if depth:
            unit = tile.get(loop, 1) * (layouts.lanes if loop == axes.vector else 1)
            block.append((order[-1], points // unit))
    sizes = tuple(tile.items())
    unroll = unrolled(nest, order[-1], dict(block))
    while unroll > 1 and printed_multiply_adds(nest, axes, layouts, sizes) * unroll > MULTIPLY_ADDS:
        unroll //= 2
    band = Band(
        scheme=layouts.scheme,
        order=tuple(order),
        vector=(axes.vector, layouts.lanes),
        tile=sizes,
        block=tuple(block),
        unroll=unroll,
        microkernel="product",
    )
    return Schedule((band,), layouts.layout, layouts.pack)


def _powers_of_two(extent: int, least: int) -> list[int]:
    """Powers of two from `least` that divide the extent; the extent where there are none."""
    sizes = []
    while least <= extent and extent % least == 0:
        sizes.append(least)
        least *= 2
    return sizes or [extent]


def _halves(extent: int) -> list[int]:
    """The extent, its half and so on, while they divide."""
    sizes = [extent]
    while sizes[-1] % 2 == 0:
        sizes.append(sizes[-1] // 2)
    return sizes


def _two_tiles(extent: int) -> Iterator[tuple[int, int]]:
    """(outer, inner) tile sizes of a matrix product's loop."""
    for outer in _powers_of_two(extent, PRODUCT_TILES[0]):
        for inner in PRODUCT_TILES:
            if outer % inner == 0:
                yield outer, inner
    if extent % PRODUCT_TILES[0]:
        yield extent, extent
