"""How a schedule cuts each loop: nested partitions of its range into contiguous pieces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from compiler.errors import ScheduleError
from compiler.problem.primitive import Primitive
from compiler.schedule.schedule import Schedule, depth_of, loop_of


def balanced(count: int, limit: int) -> tuple[tuple[int, int], ...]:
    """Pieces of at most `limit` that cover `count`, sizes differing by one at most.

    Runs of (pieces, size), larger size first: 17 by 6 is ((2, 6), (1, 5)), not 6 + 6 + 5 + a rest.
    """
    pieces = -(-count // limit)
    size, larger = divmod(count, pieces)
    runs = [(larger, size + 1), (pieces - larger, size)]
    return tuple((n, s) for n, s in runs if n)


@dataclass(frozen=True)
class Level:
    """One loop of the transformed nest: the range of `loop` cut into runs of (pieces, points)."""

    name: str
    loop: str
    runs: tuple[tuple[int, int], ...]

    @property
    def pieces(self) -> int:
        return sum(n for n, _ in self.runs)


def register_tiles(nest: Primitive, schedule: Schedule, loop: str) -> tuple[tuple[int, int], ...]:
    """Runs of (tiles, size) of a loop's register tile; vectors for the vector loop, else points."""
    extent = nest.extent(loop)
    if loop == schedule.vector[0]:
        extent = -(-extent // schedule.vector[1])
    return balanced(extent, schedule.tile_of(loop))


def levels(nest: Primitive, schedule: Schedule) -> tuple[Level, ...]:
    """All loops of the transformed nest in execution order, the register tile's points last.

    Within a level's piece, the pieces of the next finer level of the same loop follow in order.
    Levels of one piece per point of the loop (size 1) and of a single piece are both kept.
    """
    reduction = {loop for s in nest.statements for loop in s.reduction_loops}
    result = [
        Level(name, loop_of(name), _runs(nest, schedule, name, loop_of(name) in reduction))
        for name in schedule.order
    ]
    points = [
        Level(f"{loop}@0", loop, ((extent, 1),))
        for loop, extent in nest.extents
        if loop not in reduction and _tiled(schedule, loop)
    ]
    return tuple(result + points)


def _tiled(schedule: Schedule, loop: str) -> bool:
    return schedule.tile_of(loop) > 1 or loop == schedule.vector[0]


def _runs(
    nest: Primitive, schedule: Schedule, name: str, reduction: bool
) -> tuple[tuple[int, int], ...]:
    loop = loop_of(name)
    extent = nest.extent(loop)
    if reduction:
        return _equal(extent, 1 if depth_of(name) == 0 else _block(schedule, name))
    tiles = register_tiles(nest, schedule, loop)
    lanes = schedule.vector[1] if loop == schedule.vector[0] else 1
    runs = [(pieces, size * lanes) for pieces, size in tiles]
    if depth_of(name):
        runs = _grouped(runs, _block(schedule, name))
    beyond = sum(pieces * size for pieces, size in runs) - extent  # lanes past the loop's end
    pieces, size = runs.pop()
    return _merged([*runs, (pieces - 1, size), (1, size - beyond)])


def _block(schedule: Schedule, level: str) -> int:
    size = schedule.block_of(level)
    if size is None:
        raise ScheduleError(f"schedule: level {level} has no block size; give block:{level}.SIZE")
    return size


def _equal(extent: int, size: int) -> tuple[tuple[int, int], ...]:
    """Pieces of exactly `size`, the last one shorter where it does not divide."""
    full, rest = divmod(extent, size)
    return tuple((n, s) for n, s in ((full, size), (1, rest)) if n and s)


def _grouped(runs: Sequence[tuple[int, int]], group: int) -> list[tuple[int, int]]:
    """Runs of pieces of `group` pieces each, the last one of what is left.

    In closed form, for a loop may have thousands of millions of pieces.
    """
    result: list[tuple[int, int]] = []
    begun, points = 0, 0  # pieces in the group that is not full yet, and their points
    for number, size in runs:
        first = min(number, group - begun) if begun else 0
        full, rest = divmod(number - first, group)
        begun, points = begun + first, points + first * size
        if begun == group:
            result.append((1, points))
            begun, points = 0, 0
        if full:
            result.append((full, group * size))
        if rest:
            begun, points = rest, rest * size
    return [*result, (1, points)] if begun else result


def _merged(runs: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Neighbours of one size are one run; runs of no pieces are none."""
    merged: list[tuple[int, int]] = []
    for pieces, size in runs:
        if pieces and merged and merged[-1][1] == size:
            merged[-1] = (merged[-1][0] + pieces, size)
        elif pieces:
            merged.append((pieces, size))
    return tuple(merged)
