"""Border classes: register tiles of a loop that run the same code.

A padded tensor is read only where it exists, so tiles at a border leave out some taps for some of
their points. The table of live (tap, point) pairs decides: tiles with equal tables and sizes are
one class. Classes multiply over loops.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, lru_cache

from compiler.errors import ScheduleError
from compiler.lower.region import Region
from compiler.lower.tree import Grain
from compiler.problem.primitive import Access, Affine, Primitive, Statement

MOST_PRINTED = 50_000  # multiply-adds of all classes of one loop: each has code of its own
Bounds = tuple[int, int, int, int]  # taps from, to; their live points in the tile from, to


@dataclass(frozen=True)
class Border:
    """A padded dimension: `0 <= point_step * point + tap_step * tap + constant < size`.

    `tap` runs over `taps` iterations.
    """

    point: str
    tap: str
    point_step: int
    tap_step: int
    constant: int
    size: int
    taps: int

    def live(self, tap: int) -> tuple[int, int]:
        """The points `first <= point < last` for which a tap reads inside."""
        before = -(self.tap_step * tap + self.constant)
        return -(-before // self.point_step), -(-(before + self.size) // self.point_step)

    def live_pairs(self, points: int) -> int:
        """How many pairs of a point and a tap read inside, in closed form."""
        return self._up_to(self.size - self.constant, points) - self._up_to(-self.constant, points)

    def _up_to(self, bound: int, points: int) -> int:
        """Pairs with `point_step * point + tap_step * tap < bound`."""
        last = bound - (points - 1) * self.point_step
        whole = min(max(-(-last // self.tap_step), 0), self.taps)  # taps that all points have
        some = min(max(-(-bound // self.tap_step), 0), self.taps)  # taps that any point has
        lowest = bound - (some - 1) * self.tap_step + self.point_step - 1
        between = _floor_sum(some - whole, self.point_step, self.tap_step, lowest)
        return whole * points + between


def _floor_sum(n: int, m: int, a: int, b: int) -> int:
    """The sum of `(a * i + b) // m` over 0 <= i < n, by Euclid's algorithm; a, b >= 0 < m."""
    total = 0
    while n > 0:
        total += (n - 1) * n // 2 * (a // m) + n * (b // m)
        a, b = a % m, b % m
        n, b = divmod(a * n + b, m)
        a, m = m, a
        if not m:
            break
    return total


@dataclass(frozen=True)
class TapGroup:
    """Consecutive taps `low <= tap < high` that read for the same points of the tile."""

    low: int
    high: int
    live: tuple[int, ...]  # offsets in the tile


@dataclass(frozen=True)
class TileClass:
    """Tiles `first <= index < last` of a loop: equal size, equal live taps.

    The tile's first point is `size * index + offset` (times the lanes for the vector loop), from
    the region's first point on if the loop runs over one. In a region of `varying` size, tiles are
    whole or the last one. Of a tile that is cropped, `dropped` points lie before and behind these.
    """

    loop: str
    first: int
    last: int
    size: int
    offset: int
    taps: tuple[TapGroup, ...] | None = None
    partial: bool = False  # the last vector is only partly inside the loop
    varying: Grain | None = None  # of a region whose sizes differ
    dropped: int = 0

    def index_range(self, index: str) -> str:
        """C and isl condition that a tile is one of the class."""
        if self.varying is None:
            return f"{self.first} <= {index} < {self.last}"
        lanes, whole = self.varying.lanes, self.varying.runs[0][1]
        end = f"{index} * {whole * lanes} + {self.size * lanes}"
        assert self.varying.region is not None
        compared = "<=" if self.size == whole else "="
        return f"0 <= {index} and {end} {compared} {self.varying.region.points}"

    @property
    def step(self) -> int:
        """Vectors or points from the start of a tile to that of the next."""
        return self.size + self.dropped if self.varying is None else self.varying.runs[0][1]

    def only(self, live: tuple[int, ...]) -> TileClass:
        """The class with these of its points alone, which are neighbours."""
        size, offset = len(live), self.offset + live[0]
        return replace(self, size=size, offset=offset, taps=None, dropped=self.step - size)

    @property
    def printed(self) -> int:
        """Multiply-adds of this loop in the C text."""
        return self.size if self.taps is None else sum(len(group.live) for group in self.taps)


def borders(nest: Primitive, statement: Statement, access: Access) -> tuple[Border, ...]:
    """The padded dimensions of a statement's access.

    ScheduleError where the form is not point and tap.
    """
    extents = dict(nest.extents)
    found: list[Border] = []
    shape = nest.tensor(access.tensor).shape
    for index, size in zip(access.indices, shape, strict=True):
        low, high = index.bounds(extents)
        if low >= 0 and high < size:
            continue
        found.append(_border(nest, statement, access, index, size))
    named = [loop for b in found for loop in (b.point, b.tap)]
    if len(set(named)) != len(named):
        raise ScheduleError(f"schedule: {access.tensor} must be packed: its borders share loops")
    return tuple(found)


def _border(
    nest: Primitive, statement: Statement, access: Access, index: Affine, size: int
) -> Border:
    reduction = statement.reduction_loops
    points = [term for term in index.terms if term[0] not in reduction]
    taps = [term for term in index.terms if term[0] in reduction]
    if len(points) != 1 or len(taps) != 1 or points[0][1] < 1 or taps[0][1] < 1:
        raise ScheduleError(
            f"schedule: {access.tensor} must be packed: its border index '{index}' is not of the "
            "form step*point + step*tap + constant"
        )
    (point, point_step), (tap, tap_step) = points[0], taps[0]
    return Border(point, tap, point_step, tap_step, index.constant, size, nest.extent(tap))


def tile_classes(
    grain: Grain, border: Border | None, partial: bool, most_printed: int = MOST_PRINTED
) -> tuple[TileClass, ...]:
    """The classes of an output loop's grains, in order of their first tile.

    `partial`: the last vector of the vector loop must not be stored whole. ScheduleError where the
    borders take more than `most_printed` multiply-adds in the C text.
    """
    loop = grain.loop
    if grain.region is not None and border is not None and grain.points > 1:
        raise ScheduleError(
            f"schedule: tile {loop}.{grain.points}: in a region that reads past a border, tiles "
            "have one point"
        )
    if grain.region is not None and not grain.region.fixed:
        return _of_region(grain, grain.region)
    classes: list[TileClass] = []
    first = start = 0
    for tiles, size in grain.runs:
        offset = start - size * first
        if border is None or grain.runs[0][1] == 1:
            classes.append(TileClass(loop, first, first + tiles, size, offset))
        else:
            found = _border_classes(border, loop, first, tiles, start, size, most_printed)
            if sum(c.printed for c in (*classes, *found)) > most_printed:
                raise ScheduleError(
                    f"schedule: borders of {loop} take more than {most_printed} multiply-adds in "
                    "the C text; a tile of one point, or a packed operand, takes few"
                )
            classes += found
        first += tiles
        start += tiles * size
    if partial:
        classes = _split_last(classes)
    return tuple(classes)


def _of_region(grain: Grain, region: Region) -> tuple[TileClass, ...]:
    """Whole tiles, and one for each rest that a region may leave."""
    count, whole = grain.runs[0]
    rests = {size // grain.lanes % whole for size in region.sizes} - {0}
    return tuple(
        TileClass(grain.loop, 0, count, size, 0, varying=grain)
        for size in (whole, *sorted(rests, reverse=True))
    )


@lru_cache(maxsize=4096)  # the schedules of a space share their tiles
def _border_classes(
    border: Border, loop: str, first: int, tiles: int, start: int, size: int, most: int
) -> tuple[TileClass, ...]:
    """Neighbouring tiles of one size with equal live taps, joined; ends above `most` printed.

    From tile to tile a tap's first and last live point only fall (or stay where the tile ends), so
    tiles with equal bounds lie side by side: the last of them is searched for, not walked to.
    """

    @cache
    def bounds(number: int) -> tuple[Bounds, ...]:
        return _bounds(border, start + number * size, size)

    classes: list[TileClass] = []
    number = printed = 0
    while number < tiles and printed <= most:
        end = _end(bounds, number, tiles)
        groups = tuple(
            TapGroup(low, high, tuple(range(i, j))) for low, high, i, j in bounds(number) if i < j
        )
        if classes and classes[-1].taps == groups:
            classes[-1] = replace(classes[-1], last=first + end)
        else:
            offset = start - size * first
            classes.append(TileClass(loop, first + number, first + end, size, offset, groups))
            printed += classes[-1].printed
        number = end
    return tuple(classes)


def _end(value: Callable[[int], object], first: int, end: int) -> int:
    """Where the value at `first` ends; once it has changed it does not come back."""
    here, step = value(first), 1
    while first + step < end and value(first + step) == here:
        step *= 2
    low, high = first + step // 2, min(first + step, end)  # low has it, high has not
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if value(middle) == here else (low, middle)
    return high


def lane_pieces(grain: Grain) -> tuple[TileClass, ...]:
    """A reduction loop that fills the lanes: its whole grains, then what is left of it."""
    whole, rest = divmod(grain.extent, grain.points)
    size, left = grain.runs[0][1], -(-rest // grain.lanes)
    pieces = [TileClass(grain.loop, 0, whole, size, 0)] if whole else []
    if rest:
        offset, partial = whole * (size - left), rest % grain.lanes > 0
        pieces.append(TileClass(grain.loop, whole, whole + 1, left, offset, None, partial))
    return tuple(pieces)


def _split_last(classes: list[TileClass]) -> list[TileClass]:
    *head, last = classes
    end = TileClass(last.loop, last.last - 1, last.last, last.size, last.offset, last.taps, True)
    if last.last - last.first > 1:
        head.append(
            TileClass(last.loop, last.first, last.last - 1, last.size, last.offset, last.taps)
        )
    return [*head, end]


def _bounds(border: Border, start: int, size: int) -> tuple[Bounds, ...]:
    """Taps of equal live points in a tile, also those that have none."""

    def inside(tap: int) -> tuple[int, int]:
        first, last = border.live(tap)
        return min(max(first - start, 0), size), min(max(last - start, 0), size)

    found: list[Bounds] = []
    tap = 0
    while tap < border.taps:
        here = inside(tap)
        end = _end(inside, tap, border.taps)
        found.append((tap, end, *here))
        tap = end
    return tuple(found)
