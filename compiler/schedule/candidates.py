"""The space of schedules for a contraction: deterministic, every one of them fits and is legal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from compiler.errors import ScheduleError
from compiler.problem.architecture import Architecture
from compiler.problem.primitive import Primitive
from compiler.schedule.axes import Axes, axes_of
from compiler.schedule.contraction import dimension
from compiler.schedule.fit import free
from compiler.schedule.layout import Layout
from compiler.schedule.microkernel import register_tiles_of
from compiler.schedule.schedule import Schedule, Sizes
from compiler.schedule.tile_class import guards, tile_classes
from compiler.schedule.tiling import balanced, levels

CHANNEL_BLOCKS = (64, 32, 16, 8)
MULTIPLY_ADDS = 2500  # printed ones a kernel may have: it bounds the seconds a compiler takes


def candidates(nest: Primitive, machine: Architecture, threads: int = 1) -> tuple[Schedule, ...]:
    """All candidate schedules, without repetition; the scalar nest when nothing else fits."""
    found: dict[Schedule, None] = {}
    for axes in axes_of(nest):
        for choice in _placements(nest, axes, machine):
            for tile in _tiles(nest, axes, choice, machine):
                for order, block in _orders(nest, axes, choice, tile, machine):
                    schedule = _schedule(axes, choice, tile, order, block)
                    if printed_multiply_adds(nest, axes, schedule) <= MULTIPLY_ADDS:
                        found[_parallel(nest, schedule, threads)] = None
    return tuple(found) or (scalar_schedule(nest),)


def scalar_schedule(nest: Primitive) -> Schedule:
    """The untransformed nest."""
    return Schedule("scalar", tuple(loop for loop, _ in nest.extents))


@dataclass(frozen=True)
class _Placement:
    """Lanes, inner channel block and where the tensors lie for one reading of the nest."""

    scheme: str
    lanes: int
    channel_block: int  # 1: the channel is not blocked
    layout: tuple[tuple[str, str], ...]
    pack: tuple[tuple[str, str], ...]
    panels: bool  # the vector operand's blocks are to hold whole register tiles


def _placements(nest: Primitive, axes: Axes, machine: Architecture) -> Iterator[_Placement]:
    lanes = machine.vector_length
    while lanes > 4 and nest.extent(axes.vector) <= lanes // 2:
        lanes //= 2
    scheme = _scheme(nest, axes)
    extent = nest.extent(axes.channel) if axes.channel else 1
    scalar = nest.tensor(axes.roles.broadcast_operand.tensor)
    blocks = [1]
    if axes.channel and free(scalar):
        whole = [b for b in CHANNEL_BLOCKS if b <= extent and extent % b == 0]
        blocks = whole[:3] or [min(extent, 16)]
    for block in blocks:
        try:
            yield _placement(nest, axes, scheme, lanes, block)
        except _Unplaceable:
            continue


class _Unplaceable(Exception):
    """No layout makes this reading of the nest vectorisable."""


def _scheme(nest: Primitive, axes: Axes) -> str:
    """pixels when the lanes run over a loop of the operand that is not constant."""
    return "broadcast" if nest.tensor(axes.roles.vector_operand.tensor).constant else "pixels"


def _placement(nest: Primitive, axes: Axes, scheme: str, lanes: int, block: int) -> _Placement:
    layout: list[tuple[str, str]] = []
    pack: list[tuple[str, str]] = []
    vector, scalar, output = axes.roles.accesses
    taps = block if axes.channel else 1
    v_tensor, s_tensor, o_tensor = (nest.tensor(a.tensor) for a in (vector, scalar, output))
    v_dim = dimension(vector, axes.vector)
    o_dim = dimension(output, axes.vector)
    assert o_dim is not None
    # The vector operand: lanes innermost, the channel block around them.
    if v_dim is not None and free(v_tensor) and not _padded(nest, axes):
        blocks = [(v_dim, lanes)]
        c_dim = dimension(vector, axes.channel) if axes.channel else None
        if c_dim is not None and taps > 1:
            blocks.insert(0, (c_dim, taps))
        order = [v_dim, *(d for d in range(len(v_tensor.shape)) if d != v_dim)]
        order.sort(key=lambda d: _rank(axes, vector.indices[d].loops))
        layout.append((v_tensor.name, Layout(v_tensor.shape, tuple(order), tuple(blocks)).tag()))
    else:
        coefficients = [i.coefficient(axes.vector) for i in vector.indices]
        if sorted(coefficients)[-2:] not in ([0, 1], [1]) or min(coefficients) < 0:
            raise _Unplaceable
        last = coefficients.index(1)
        plain = v_tensor.stored[-1] == last
        if (
            not plain
            or _padded(nest, axes)
            or (nest.extent(axes.vector) % lanes and scheme == "pixels")
        ):
            order = [d for d in range(len(v_tensor.shape)) if d != last] + [last]
            pack.append((v_tensor.name, Layout(v_tensor.shape, tuple(order)).tag()))
    # The broadcast operand: scalars, so any layout is legal; blocks keep a tile's channels close.
    if free(s_tensor):
        c_dim = dimension(scalar, axes.channel) if axes.channel else None
        if scheme == "pixels" and s_tensor.constant:
            order = sorted(
                range(len(s_tensor.shape)),
                key=lambda d: -_rank(axes, scalar.indices[d].loops),
            )
            order.sort(key=lambda d: any(p in scalar.indices[d].loops for p in axes.pixels))
            layout.append((s_tensor.name, Layout(s_tensor.shape, tuple(order)).tag()))
        elif c_dim is not None and taps > 1:
            natural = tuple(range(len(s_tensor.shape)))
            layout.append((s_tensor.name, Layout(s_tensor.shape, natural, ((c_dim, taps),)).tag()))
    try:
        guards(nest, scalar)
    except ScheduleError:
        pack.append((s_tensor.name, dict(layout).get(s_tensor.name) or _plain_tag(s_tensor.shape)))
    # The output: lanes innermost.
    if free(o_tensor) and scheme == "broadcast":
        natural = tuple(range(len(o_tensor.shape)))
        layout.append((o_tensor.name, Layout(o_tensor.shape, natural, ((o_dim, lanes),)).tag()))
    elif o_tensor.stored[-1] != o_dim and not free(o_tensor):
        raise _Unplaceable
    elif o_tensor.stored[-1] != o_dim:
        order = [d for d in range(len(o_tensor.shape)) if d != o_dim] + [o_dim]
        layout.append((o_tensor.name, Layout(o_tensor.shape, tuple(order)).tag()))
    return _Placement(scheme, lanes, taps, tuple(sorted(layout)), tuple(pack), bool(layout))


def _plain_tag(shape: tuple[int, ...]) -> str:
    return Layout(shape, tuple(range(len(shape)))).tag()


def _padded(nest: Primitive, axes: Axes) -> bool:
    """Whether the vector operand reads outside its tensor."""
    extents = dict(nest.extents)
    access = axes.roles.vector_operand
    shape = nest.tensor(access.tensor).shape
    bounds = [index.bounds(extents) for index in access.indices]
    return any(low < 0 or high >= size for (low, high), size in zip(bounds, shape, strict=True))


def _rank(axes: Axes, loops: tuple[str, ...]) -> int:
    """Order of a dimension in the vector operand: batch, lanes, channel, then taps."""
    if axes.vector in loops:
        return 1
    if axes.channel in loops:
        return 2
    return 3 if any(loop in axes.taps for loop in loops) else 0


def _tiles(
    nest: Primitive, axes: Axes, choice: _Placement, machine: Architecture
) -> Iterator[Sizes]:
    """Register tiles: the last one or two pixel loops, and vectors."""
    vectors = -(-nest.extent(axes.vector) // choice.lanes)
    if not axes.pixels:
        for tile in register_tiles_of(machine, 1, vectors)[:4]:
            yield ((axes.vector, tile.vectors),)
        return
    inner = axes.pixels[-1]
    outer = axes.pixels[-2] if len(axes.pixels) > 1 else None
    width = nest.extent(inner)
    height = nest.extent(outer) if outer else 1
    seen: set[Sizes] = set()
    for tile in register_tiles_of(machine, width * height, vectors):
        for rows in range(1, min(height, 4, tile.points) + 1):
            if tile.points % rows or (rows > 1 and tile.points // rows > width):
                continue
            columns = min(tile.points // rows, width)
            # balanced pieces make several limits the same tile
            columns = balanced(width, columns)[0][1]
            sizes: list[tuple[str, int]] = [(axes.vector, balanced(vectors, tile.vectors)[0][1])]
            sizes += [(inner, columns)] if columns > 1 else []
            if outer and rows > 1:
                sizes.append((outer, rows))
            key = tuple(sizes)
            if key not in seen and _efficient(nest, key, axes, machine):
                seen.add(key)
                yield key


def _efficient(nest: Primitive, tile: Sizes, axes: Axes, machine: Architecture) -> bool:
    """Whether enough accumulators are left after balancing to cover most of the latency."""
    accumulators = 1
    for _, size in tile:
        accumulators *= size
    everything = nest.extent(axes.vector)
    for loop in axes.pixels:
        everything *= nest.extent(loop)
    return accumulators >= min(machine.fma_latency * machine.fma_per_cycle * 3 // 4, everything)


def _orders(
    nest: Primitive, axes: Axes, choice: _Placement, tile: Sizes, machine: Architecture
) -> Iterator[tuple[tuple[str, ...], Sizes]]:
    """Loop orders around and inside the microkernel, with their block sizes."""
    vector, channel = axes.vector, axes.channel
    pixels = axes.pixels
    inner: tuple[str, ...] = axes.taps
    block: Sizes = ()
    if channel and choice.channel_block > 1 and choice.channel_block < nest.extent(channel):
        inner = (f"{channel}@1", *axes.taps, channel)
        block = ((f"{channel}@1", choice.channel_block),)
    elif channel:
        inner = (*axes.taps, channel)
    sizes = dict(tile)
    vectors = -(-nest.extent(vector) // (choice.lanes * sizes.get(vector, 1)))
    head = axes.batch
    plain = [(*head, vector, *pixels), (*head, *pixels, vector)]
    if len(pixels) > 1:
        plain.append((*head, *pixels[:-1], vector, pixels[-1]))
    for order in dict.fromkeys(plain):
        yield (*order, *inner), block
    for group in _groups(vectors):
        blocked = ((f"{vector}@1", group), *block)
        yield (*head, f"{vector}@1", *pixels, vector, *inner), blocked
        if len(pixels) > 1:
            yield (*head, f"{vector}@1", *pixels[:-1], vector, pixels[-1], *inner), blocked
    if pixels:
        rows = -(-nest.extent(pixels[-1]) // sizes.get(pixels[-1], 1))
        for group in _groups(rows)[-2:]:
            name = f"{pixels[-1]}@1"
            yield (*head, *pixels[:-1], name, vector, pixels[-1], *inner), ((name, group), *block)
    for chunk in _chunks(nest, axes, choice, machine):
        name = f"{channel}@2" if block else f"{channel}@1"
        cut = ((name, chunk), *block)
        yield (*head, name, vector, *pixels, *inner), cut
        yield (*head, name, *pixels, vector, *inner), cut
        for group in _groups(vectors):
            blocked = ((f"{vector}@1", group), *cut)
            yield (*head, f"{vector}@1", name, *pixels, vector, *inner), blocked
            yield (*head, name, f"{vector}@1", *pixels, vector, *inner), blocked


def _groups(pieces: int) -> list[int]:
    """Block sizes worth trying for a loop of `pieces` register tiles."""
    return [g for g in (2, 4, 8, 16, 32) if g * 2 <= pieces]


def _chunks(nest: Primitive, axes: Axes, choice: _Placement, machine: Architecture) -> list[int]:
    """Pieces of the channel loop that keep a register tile's operands in the first cache."""
    if axes.channel is None:
        return []
    extent, step = nest.extent(axes.channel), choice.channel_block
    sizes = [c for c in (64, 128, 256, 512, 1024) if c < extent and c % step == 0]
    taps = 1
    for loop in axes.taps:
        taps *= nest.extent(loop)
    return [c for c in sizes if c * taps >= 128][:4]


def _schedule(
    axes: Axes, choice: _Placement, tile: Sizes, order: tuple[str, ...], block: Sizes
) -> Schedule:
    return Schedule(
        scheme=choice.scheme,
        order=order,
        vector=(axes.vector, choice.lanes),
        tile=tile,
        block=block,
        layout=choice.layout,
        pack=choice.pack,
        unroll=4 if choice.channel_block not in (4, 2) else 1,
    )


def printed_multiply_adds(nest: Primitive, axes: Axes, schedule: Schedule) -> int:
    """Multiply-adds in the C text: per border class, group of taps, accumulator, unrolled step."""
    scalar = axes.roles.broadcast_operand
    packed = scalar.tensor in dict(schedule.pack)
    borders = {} if packed else {g.point: g for g in guards(nest, scalar)}
    total = schedule.unroll
    for loop, _ in schedule.tile:
        classes = tile_classes(nest, schedule, loop, borders.get(loop), False)
        total *= sum(
            sum(len(g.live) for g in c.taps) if c.taps is not None else c.size for c in classes
        )
    return total


def _parallel(nest: Primitive, schedule: Schedule, threads: int) -> Schedule:
    """The schedule with its outermost legal loops parallel: 4 pieces a thread if it can."""
    if threads == 1:
        return schedule
    pieces = 1
    chosen: list[str] = []
    reduction = nest.statements[0].reduction_loops
    for level in levels(nest, schedule):
        if level.loop in reduction:
            if chosen:
                break
            continue
        if level.name not in schedule.order or pieces >= 4 * threads:
            break
        chosen.append(level.name)
        pieces *= level.pieces
    return replace(schedule, parallel=tuple(chosen))
