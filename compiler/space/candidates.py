"""The space of schedules of a nest: deterministic, every one of them fits and is legal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from math import prod

from compiler.errors import ScheduleError
from compiler.lower.border_classes import borders, tile_classes
from compiler.lower.legality import structural
from compiler.lower.lowered import anchored, lowered
from compiler.lower.tiling import balanced, register_tiles
from compiler.microkernel.catalogue import CATALOGUE
from compiler.microkernel.contraction import anchor
from compiler.microkernel.register_tile import RegisterTile, register_tiles_of
from compiler.problem.architecture import Architecture
from compiler.problem.primitive import Primitive
from compiler.schedule.layout import layout_of
from compiler.schedule.schedule import Band, Schedule, Sizes, Tags
from compiler.space.axes import Axes, axes_of
from compiler.space.chain import Chain
from compiler.space.dot_schedules import dot_schedules
from compiler.space.fetching import fetching, from_memory
from compiler.space.lane_schedules import lane_schedules
from compiler.space.operand_layouts import OperandLayouts, operand_layouts
from compiler.space.parallel import MOST_WAKES, alone, short, wakes, with_parallel, with_private
from compiler.space.streaming import streams, writes_once
from compiler.space.unrolling import UNROLL, unrolled

MULTIPLY_ADDS = 2500  # printed ones a kernel may have: it bounds the seconds a compiler takes
AHEAD = 2048  # bytes, half a page: far enough to arrive in time, not beyond what is translated
FETCHING = 32  # schedules that are tried with operands fetched ahead
SHARING = 12  # schedules whose bands are tried in shared loops, of a primitive that has more
ROWS = (4, 8, 16)  # of a matrix that is read once, side by side
Order = tuple[tuple[str, ...], Sizes]  # levels, and the block sizes they need


def candidates(
    nest: Primitive,
    machine: Architecture,
    threads: int = 1,
    fuse: bool = True,
    expected: Callable[[Schedule], float] | None = None,
) -> tuple[Schedule, ...]:
    """All candidate schedules, without repetition; the scalar nest where vectors have no form.

    Of several statements the anchor is scheduled in every way, the others are arranged around it:
    on its register tile with `fuse`, else, or where they cannot be, in bands of their own, which
    share loops where the anchor is computed as no contraction: of many those of the fewest seconds
    `expected`, where these are known. Of these seconds' best there are some that fetch ahead. What
    is short is also offered to one thread alone.
    """
    number = anchor(nest)
    chain = Chain(nest, number, machine, threads, fuse)
    found: tuple[Schedule, ...] = ()
    if number is not None:
        found = contraction_schedules(chain.alone, machine, threads)
        found += lane_schedules(chain.alone, machine, threads, nest, bool(found))
        found += dot_schedules(chain.alone, machine, threads, nest)
    legal = []
    sharing = []
    for schedule in found:
        whole = chain.around(schedule)
        if whole is not None and structural(lowered(nest, whole)) is None:
            legal.append(whole)
            if len(whole.bands) > 1 and not CATALOGUE[schedule.band.scheme].sums:
                sharing.append(whole)
    if expected is not None and len(sharing) > SHARING:
        sharing = sorted(sharing, key=expected)[:SHARING]
    legal += [shared for whole in sharing for shared in chain.shared(whole)]
    if expected is not None and number is not None and from_memory(nest, machine):
        best = sorted(legal, key=lambda one: (expected(one), str(one)))[:FETCHING]
        legal += [ahead for one in best for ahead in fetching(nest, one, number, machine)]
    found = tuple(dict.fromkeys(legal)) or chain.without()
    if threads == 1 or not short(nest, machine):
        return found
    return tuple(dict.fromkeys((*found, *filter(None, map(alone, found)))))


def contraction_schedules(
    nest: Primitive, machine: Architecture, threads: int, channel_block: int | None = None
) -> tuple[Schedule, ...]:
    """All schedules of a nest of one sum of products, legal or not; none where it has no form.

    With `channel_block`, those whose channels lie in blocks of so many.
    """
    found: dict[Schedule, None] = {}
    for axes in axes_of(nest):
        for layouts in operand_layouts(nest, axes, machine, channel_block):
            past = streams(nest, axes.roles.output, layouts.layout, layouts.lanes, machine)
            for schedule in _of_layouts(nest, axes, layouts, machine):
                parallel = with_parallel(nest, schedule, threads)
                if threads > 1 and wakes(nest, parallel) > MOST_WAKES:
                    continue
                found[parallel] = None
                if past and writes_once(nest, 0, schedule.band):
                    found[parallel.with_band(nontemporal=True)] = None
                found.update(dict.fromkeys(with_private(nest, schedule, threads)))
    return tuple(found)


def _of_layouts(
    nest: Primitive, axes: Axes, layouts: OperandLayouts, machine: Architecture
) -> list[Schedule]:
    """The schedules of every good register tile, or else those of the best one that has any.

    So no limit on tiles leaves a choice of layouts with nothing: 7 vectors at one point are cut
    into 4 + 3, too few for the latency, and still many times faster than none.
    """
    lanes = layouts.lanes
    good = [
        schedule
        for tile in _tiles(nest, axes, lanes, machine)
        if _busy(nest, axes, lanes, tile, machine)
        for schedule in _ordered(nest, axes, layouts, tile)
    ]
    if good:
        return good

    def rate(tile: Sizes) -> float:
        points = prod(n for loop, n in tile if loop != axes.vector)
        return RegisterTile(points, dict(tile)[axes.vector]).rate(machine)

    others = sorted(_tiles(nest, axes, lanes, machine, least=0.0), key=rate, reverse=True)
    return next(filter(None, (_ordered(nest, axes, layouts, tile) for tile in others)), [])


def _ordered(nest: Primitive, axes: Axes, layouts: OperandLayouts, tile: Sizes) -> list[Schedule]:
    """One register tile under every loop order whose kernel is not too long to compile."""
    printed = printed_multiply_adds(nest, axes, layouts, tile)
    layout = _tile_by_tile(nest, axes, layouts, tile)
    found = []
    for order, block in _orders(nest, axes, layouts, tile):
        unroll = unrolled(nest, order[-1], dict(block))
        if printed * unroll > MULTIPLY_ADDS:
            continue
        band = Band(layouts.scheme, order, (axes.vector, layouts.lanes), tile, block, unroll=unroll)
        found.append(Schedule((band,), layout, layouts.pack))
    return found


def _tile_by_tile(nest: Primitive, axes: Axes, layouts: OperandLayouts, tile: Sizes) -> Tags:
    """The layouts, the output's blocks as wide as the register tile where all tiles are alike.

    So a tile is written to one place instead of one for each of its vectors: 1.8 % faster on an
    Ice Lake core, the same on a Zen 5 one.
    """
    name, lanes, width = axes.roles.output.tensor, layouts.lanes, dict(tile)[axes.vector]
    tags = dict(layouts.layout)
    whole = nest.extent(axes.vector) % (lanes * width) == 0
    if name not in tags or width == 1 or not whole or layouts.agreed:
        return layouts.layout
    layout = layout_of(nest.tensor(name), tags[name])
    wider = replace(layout, blocks=tuple((d, size * width) for d, size in layout.blocks))
    return tuple(sorted((tags | {name: wider.tag()}).items()))


def _tiles(
    nest: Primitive, axes: Axes, lanes: int, machine: Architecture, least: float = 0.75
) -> Iterator[Sizes]:
    """Register tiles over vectors and the last one or two pixel loops, best rate first.

    `least` is the share of the best rate that the limits they are balanced from have.
    """
    vectors = -(-nest.extent(axes.vector) // lanes)
    inner, outer = ("", "", *axes.pixels)[-1], ("", "", *axes.pixels)[-2]
    width = nest.extent(inner) if inner else 1
    height = nest.extent(outer) if outer else 1
    seen: set[Sizes] = set()
    for tile in register_tiles_of(machine, width * height, vectors, least):
        for rows in range(1, min(height, 4, tile.points) + 1):
            columns = tile.points // rows
            if tile.points % rows or (rows > 1 and columns > width):
                continue
            # Balanced pieces make several limits the same tile.
            shape = [
                (axes.vector, balanced(vectors, tile.vectors)[0][1]),
                (inner, balanced(width, min(columns, width))[0][1]),
                (outer, rows),
            ]
            sizes = tuple((loop, n) for loop, n in shape if loop == axes.vector or n > 1)
            if sizes not in seen:
                seen.add(sizes)
                yield sizes


def _busy(nest: Primitive, axes: Axes, lanes: int, tile: Sizes, machine: Architecture) -> bool:
    """Whether the accumulators cover most of the multiply-adders' latency, if the nest has any."""
    wanted = machine.fma_latency * machine.fma_per_cycle * 3 // 4
    vectors = -(-nest.extent(axes.vector) // lanes)
    most = vectors * prod(nest.extent(loop) for loop in axes.pixels)
    return prod(n for _, n in tile) >= min(wanted, most)


def printed_multiply_adds(nest: Primitive, axes: Axes, layouts: OperandLayouts, tile: Sizes) -> int:
    """Multiply-adds in the C text: accumulators of every class and group of taps."""
    scalar = axes.roles.broadcast_operand
    packed = scalar.tensor in dict(layouts.pack)
    padded = () if packed else borders(nest, axes.roles.statement, scalar)
    by_point = {border.point: border for border in padded}
    total = 1
    for loop, size in tile:
        lanes = layouts.lanes if loop == axes.vector else 1
        grain = register_tiles(loop, nest.extent(loop), size, lanes)
        try:
            classes = tile_classes(grain, by_point.get(loop), False, MULTIPLY_ADDS)
        except ScheduleError:  # more than anybody compiles
            return MULTIPLY_ADDS + 1
        total *= sum(c.printed for c in classes)
    return total


def _orders(nest: Primitive, axes: Axes, layouts: OperandLayouts, tile: Sizes) -> Iterator[Order]:
    """Loop orders around and inside the microkernel, with their block sizes."""
    sizes = dict(tile)
    vector, pixels = axes.vector, axes.pixels
    tiles = -(-nest.extent(vector) // (layouts.lanes * sizes[vector]))
    for inner, block in _inner(nest, axes, layouts):
        for outer, blocks in _around(nest, axes, sizes, tiles):
            yield (*axes.batch, *outer, *inner), (*blocks, *block)
        if axes.taps and inner[0] == axes.channel:  # they are few
            continue
        for chunk in _chunks(nest, axes, layouts):
            name = f"{axes.channel}@{2 if block else 1}"
            cut = (*block, (name, chunk))
            yield (*axes.batch, name, vector, *pixels, *inner), cut
            yield (*axes.batch, name, *pixels, vector, *inner), cut
            for group in _groups(tiles):
                several = f"{vector}@1"
                sized = (*cut, (several, group))
                yield (*axes.batch, several, name, *pixels, vector, *inner), sized
                yield (*axes.batch, name, several, *pixels, vector, *inner), sized


def _inner(nest: Primitive, axes: Axes, layouts: OperandLayouts) -> Iterator[Order]:
    """Reduction loops of the microkernel: channel blocks, taps, channels; or channels, taps."""
    channel = axes.channel
    if channel is None:
        yield axes.taps, ()
        return
    if 1 < layouts.channel_block < nest.extent(channel):
        yield (f"{channel}@1", *axes.taps, channel), ((f"{channel}@1", layouts.channel_block),)
        return
    yield (*axes.taps, channel), ()
    if axes.taps and nest.extent(channel) <= UNROLL:  # too short to be the innermost loop
        yield (channel, *axes.taps), ()


def _around(nest: Primitive, axes: Axes, tile: dict[str, int], tiles: int) -> Iterator[Order]:
    """Orders of the tile loops: what is innermost stays in the nearest cache."""
    vector, pixels = axes.vector, axes.pixels
    orders = [(vector, *pixels), (*pixels, vector)]
    if len(pixels) > 1:
        orders.append((*pixels[:-1], vector, pixels[-1]))
    for order in dict.fromkeys(orders):
        yield order, ()
    several = f"{vector}@1"
    for group in _groups(tiles):
        yield (several, *pixels, vector), ((several, group),)
        if len(pixels) > 1:
            yield (several, *pixels[:-1], vector, pixels[-1]), ((several, group),)
    if pixels:
        columns = -(-nest.extent(pixels[-1]) // tile.get(pixels[-1], 1))
        several = f"{pixels[-1]}@1"
        for group in _groups(columns)[-2:]:
            yield (*pixels[:-1], several, vector, pixels[-1]), ((several, group),)


def _groups(pieces: int) -> list[int]:
    """Block sizes worth trying for a loop of `pieces` register tiles."""
    return [g for g in (2, 4, 8, 16, 32) if g * 2 <= pieces]


def _chunks(nest: Primitive, axes: Axes, layouts: OperandLayouts) -> list[int]:
    """Pieces of the channel loop, for when the whole reduction does not stay in a near cache.

    Where a vector serves a single point, also short ones: a few rows of the matrix at a time pass
    as streams, instead of a piece of every row.
    """
    if axes.channel is None:
        return []
    extent, taps = nest.extent(axes.channel), prod(nest.extent(loop) for loop in axes.taps)
    sizes = [c for c in (64, 128, 256, 512, 1024) if c < extent and c % layouts.channel_block == 0]
    rows = [c for c in ROWS if c < extent and c % layouts.channel_block == 0 and not axes.pixels]
    return rows + [c for c in sizes if c * taps >= 256][:3]


def fetched_ahead(nest: Primitive, schedule: Schedule, machine: Architecture) -> Schedule | None:
    """The schedule with its largest operand fetched ahead; None where L2 holds that anyway.

    Of sums of products the next piece, of other sums what is read so many bytes further on. The
    model knows what that is worth for what comes from memory; a search tries it on its first
    choice where it may come from nearer.
    """
    level = machine.cache("L2")
    for place, (band, numbers) in enumerate(anchored(nest, schedule)):
        if not band.vectorised or not (
            CATALOGUE[band.scheme].sums or CATALOGUE[band.scheme].across
        ):
            continue
        if band.prefetch or band.ahead or level is None:
            return None
        if CATALOGUE[band.scheme].sums:
            return next(iter(fetching(nest, schedule, numbers[0], machine)), None)
        reads = nest.statements[numbers[0]].reads
        vectors = [a for a in reads if band.vector[0] in a.loops]
        if max(nest.tensor(access.tensor).bytes for access in vectors) <= level.bytes:
            return None
        ahead = replace(band, prefetch=AHEAD)
        bands = (*schedule.bands[:place], ahead, *schedule.bands[place + 1 :])
        return replace(schedule, bands=bands)
    return None
