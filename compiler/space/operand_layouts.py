"""Where the tensors of a contraction lie: layouts the schedule may choose, and packed copies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from compiler.errors import ScheduleError
from compiler.lower.border_classes import borders
from compiler.lower.edges import questions
from compiler.microkernel.contraction import dimension
from compiler.problem.architecture import Architecture
from compiler.problem.primitive import Access, Primitive
from compiler.schedule.layout import Layout, free
from compiler.schedule.schedule import Tags
from compiler.space.axes import Axes
from compiler.space.lanes import innermost, lanes_of

CHANNEL_BLOCKS = (64, 32, 16, 8)
SHORT = 4  # so few channels may also lie outside the pixels, as in an image's planes


@dataclass(frozen=True)
class OperandLayouts:
    """Lanes, inner channel block (1: none) and the layouts for one reading of a nest.

    `agreed` are those that other statements use too: what is written lies in blocks of a vector.
    """

    scheme: str
    lanes: int
    channel_block: int
    layout: Tags
    pack: Tags
    agreed: bool = False


def operand_layouts(
    nest: Primitive, axes: Axes, machine: Architecture, channel_block: int | None = None
) -> Iterator[OperandLayouts]:
    """Every choice worth trying; none when no layout makes the lanes contiguous.

    With `channel_block`, that one alone: what other statements write or read as well.
    """
    lanes = lanes_of(nest, axes.vector, machine)
    constant = nest.tensor(axes.roles.vector_operand.tensor).constant
    scheme = "broadcast" if constant else "pixels"
    output = _output(nest, axes, lanes)
    if output is None:
        return
    blocks = _channel_blocks(nest, axes)
    if channel_block is not None and blocks[0] > SHORT:
        blocks = [channel_block]
    for block in blocks:
        scalar_layout, scalar_pack = _broadcast_operand(nest, axes, block)
        for vector_layout, vector_pack in _vector_operand(nest, axes, lanes, block):
            layout = tuple(sorted(vector_layout + scalar_layout + output))
            pack, agreed = vector_pack + scalar_pack, channel_block is not None
            yield OperandLayouts(scheme, lanes, block, layout, pack, agreed)


def _channel_blocks(nest: Primitive, axes: Axes) -> list[int]:
    """Sizes of the inner block of reduction channels, if the broadcast operand may have one."""
    if axes.channel is None or not free(nest.tensor(axes.roles.broadcast_operand.tensor)):
        return [1]
    extent = nest.extent(axes.channel)
    if extent <= SHORT:
        return [extent, 1]
    return [b for b in CHANNEL_BLOCKS if extent % b == 0][:3] or [min(extent, 16)]


def _vector_operand(
    nest: Primitive, axes: Axes, lanes: int, block: int
) -> Iterator[tuple[Tags, Tags]]:
    """(layout, pack) of the operand that is read as vectors: its lanes must be contiguous."""
    access = axes.roles.vector_operand
    tensor = nest.tensor(access.tensor)
    lane_dimension, padded = dimension(access, axes.vector), bool(questions(nest, access))
    panel = None
    if lane_dimension is not None:
        panel = _panel(nest, access, axes, lane_dimension, lanes, block)
        if free(tensor) and not padded:
            yield ((tensor.name, panel),), ()
            return
    unit = [d for d, index in enumerate(access.indices) if index.coefficient(axes.vector) == 1]
    moved = [d for d, index in enumerate(access.indices) if index.coefficient(axes.vector)]
    if unit != moved or len(unit) != 1:
        return
    if innermost(tensor) == unit[0] and not padded:
        yield (), ()
    if panel is not None and not padded:
        yield (), ((tensor.name, panel),)
    else:
        yield (), ((tensor.name, _with_last(tensor.shape, unit[0])),)


def _panel(
    nest: Primitive, access: Access, axes: Axes, lane_dimension: int, lanes: int, block: int
) -> str:
    """Blocks of channels by lanes: batch and lane dimensions outermost, then channel and taps."""
    shape = nest.tensor(access.tensor).shape
    blocks = [(lane_dimension, lanes)]
    channel = dimension(access, axes.channel) if axes.channel else None
    if channel is not None and block > 1:
        blocks.insert(0, (channel, block))

    def rank(d: int) -> int:
        loops = access.indices[d].loops
        if axes.vector in loops:
            return 1
        if axes.channel in loops:
            return 2
        return 3 if any(loop in axes.taps for loop in loops) else 0

    return Layout(shape, tuple(sorted(range(len(shape)), key=rank)), tuple(blocks)).tag()


def _broadcast_operand(nest: Primitive, axes: Axes, block: int) -> tuple[Tags, Tags]:
    """(layout, pack) of the operand read as scalars: any is legal, near channels lie together."""
    access = axes.roles.broadcast_operand
    tensor = nest.tensor(access.tensor)
    natural = tuple(range(len(tensor.shape)))
    layout: Tags = ()
    if free(tensor) and tensor.constant:  # a tile's scalars of one step side by side
        pixels = [d for d in natural if _names(access, d, axes.pixels)]
        steps = [d for d in natural if d not in pixels]
        steps.sort(key=lambda d: not _names(access, d, (axes.channel or "",)))
        layout = ((tensor.name, Layout(tensor.shape, (*steps, *pixels)).tag()),)
    elif free(tensor) and axes.channel and block > 1:
        channel = dimension(access, axes.channel)
        assert channel is not None
        layout = ((tensor.name, Layout(tensor.shape, natural, ((channel, block),)).tag()),)
    try:
        borders(nest, axes.roles.statement, access)
    except ScheduleError:  # its borders have a form only a padded copy can take
        return layout, ((tensor.name, Layout(tensor.shape, natural).tag()),)
    return layout, ()


def _output(nest: Primitive, axes: Axes, lanes: int) -> Tags | None:
    """Layout of the output, lanes innermost; None when the caller fixed another one."""
    access = axes.roles.output
    tensor = nest.tensor(access.tensor)
    lane_dimension = dimension(access, axes.vector)
    assert lane_dimension is not None  # a contraction's vector loop is a plain index of it
    if innermost(tensor) == lane_dimension:
        return ()
    if not free(tensor):
        return None
    natural = tuple(range(len(tensor.shape)))
    return ((tensor.name, Layout(tensor.shape, natural, ((lane_dimension, lanes),)).tag()),)


def _names(access: Access, d: int, loops: tuple[str, ...]) -> bool:
    return any(loop in access.indices[d].loops for loop in loops)


def _with_last(shape: tuple[int, ...], last: int) -> str:
    order = (*(d for d in range(len(shape)) if d != last), last)
    return Layout(shape, order).tag()
