"""Border classes: register tiles of a loop that run the same code.

A padded tensor is read only where it exists, so tiles at a border leave out some taps for some of
their points. The table of live (tap, point) pairs decides: tiles with equal tables and sizes are
one class. Classes multiply over loops.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from compiler.errors import ScheduleError
from compiler.problem.primitive import Access, Affine, Primitive
from compiler.schedule.schedule import Schedule
from compiler.schedule.tiling import register_tiles


@dataclass(frozen=True)
class Guard:
    """A padded dimension: `0 <= point_step * point + tap_step * tap + constant < size`."""

    point: str
    tap: str
    point_step: int
    tap_step: int
    constant: int
    size: int

    def live(self, point: int, tap: int) -> bool:
        value = self.point_step * point + self.tap_step * tap + self.constant
        return 0 <= value < self.size


@dataclass(frozen=True)
class TapGroup:
    """Consecutive taps `low <= tap < high` that read for the same points of the tile."""

    low: int
    high: int
    live: tuple[int, ...]  # offsets in the tile


@dataclass(frozen=True)
class TileClass:
    """Tiles `first <= index < last` of a loop: equal size, equal live taps.

    The tile's first point is `size * index + offset` (times the lanes for the vector loop).
    """

    loop: str
    first: int
    last: int
    size: int
    offset: int
    taps: tuple[TapGroup, ...] | None = None
    partial: bool = False  # the last vector is only partly inside the loop


def guards(nest: Primitive, access: Access) -> tuple[Guard, ...]:
    """The padded dimensions of an access; ScheduleError where the form is not point and tap."""
    extents = dict(nest.extents)
    reduction = nest.statements[0].reduction_loops
    found: list[Guard] = []
    shape = nest.tensor(access.tensor).shape
    for index, size in zip(access.indices, shape, strict=True):
        low, high = index.bounds(extents)
        if low >= 0 and high < size:
            continue
        found.append(_guard(access, index, size, reduction))
    named = [loop for g in found for loop in (g.point, g.tap)]
    if len(set(named)) != len(named):
        raise ScheduleError(f"schedule: {access.tensor} must be packed: its borders share loops")
    return tuple(found)


def _guard(access: Access, index: Affine, size: int, reduction: tuple[str, ...]) -> Guard:
    points = [term for term in index.terms if term[0] not in reduction]
    taps = [term for term in index.terms if term[0] in reduction]
    if len(points) != 1 or len(taps) != 1 or points[0][1] < 1 or taps[0][1] < 1:
        raise ScheduleError(
            f"schedule: {access.tensor} must be packed: its border index '{index}' is not of the "
            "form step*point + step*tap + constant"
        )
    (point, point_step), (tap, tap_step) = points[0], taps[0]
    return Guard(point, tap, point_step, tap_step, index.constant, size)


def tile_classes(
    nest: Primitive, schedule: Schedule, loop: str, guard: Guard | None, partial: bool
) -> tuple[TileClass, ...]:
    """The classes of a loop's register tiles, in order of their first tile.

    `partial`: the last vector of the vector loop must not be stored whole.
    """
    classes: list[TileClass] = []
    first = start = 0
    for tiles, size in register_tiles(nest, schedule, loop):
        offset = start - size * first
        if guard is None or schedule.tile_of(loop) == 1:
            classes.append(TileClass(loop, first, first + tiles, size, offset))
        else:
            classes += _border_classes(
                guard, nest.extent(guard.tap), loop, first, tiles, start, size
            )
        first += tiles
        start += tiles * size
    if partial:
        classes = _split_last(classes)
    return tuple(classes)


def _border_classes(
    guard: Guard, taps: int, loop: str, first: int, tiles: int, start: int, size: int
) -> list[TileClass]:
    """Neighbouring tiles of one size with equal live taps, joined."""
    classes: list[TileClass] = []
    for number in range(tiles):
        groups = _tap_groups(guard, start + number * size, size, taps)
        index = first + number
        if classes and classes[-1].taps == groups:
            classes[-1] = replace(classes[-1], last=index + 1)
        else:
            classes.append(TileClass(loop, index, index + 1, size, start - size * first, groups))
    return classes


def _split_last(classes: list[TileClass]) -> list[TileClass]:
    *head, last = classes
    end = TileClass(last.loop, last.last - 1, last.last, last.size, last.offset, last.taps, True)
    if last.last - last.first > 1:
        head.append(
            TileClass(last.loop, last.first, last.last - 1, last.size, last.offset, last.taps)
        )
    return [*head, end]


def _tap_groups(guard: Guard, start: int, size: int, taps: int) -> tuple[TapGroup, ...]:
    groups: list[TapGroup] = []
    for tap in range(taps):
        live = tuple(i for i in range(size) if guard.live(start + i, tap))
        if not live:
            continue
        if groups and groups[-1].live == live and groups[-1].high == tap:
            groups[-1] = TapGroup(groups[-1].low, tap + 1, live)
        else:
            groups.append(TapGroup(tap, tap + 1, live))
    return tuple(groups)
