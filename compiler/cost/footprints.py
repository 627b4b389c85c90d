"""Distinct elements and cache lines that a part of the transformed nest touches, in closed form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import gcd, prod

from compiler.lower.tree import Path
from compiler.problem.primitive import Access
from compiler.schedule.layout import Layout

PAGE = 4096  # bytes: inside a page, virtual and physical addresses choose the same set


@dataclass(frozen=True)
class NestLoop:
    """A level of the nest: how often its body runs, and the points of its loop in one of them."""

    name: str
    loop: str
    trips: float  # per iteration of the levels around it; uneven pieces count as their mean
    points: int
    parallel: bool = False
    others: tuple[tuple[str, int], ...] = ()  # further loops of which it chooses the points


def nest_loops(path: Path) -> list[NestLoop]:
    """All levels of a path, outermost first; the innermost body is one register tile."""
    found = _around(path)
    grains = {grain.loop: grain for grain in path.leaf.grains}
    inside = {
        loop: grain.extent if grain.region is None else grain.region.usual
        for loop, grain in grains.items()
    }
    for level in path.levels:
        around = inside[level.loop]
        points = min(level.points(grains[level.loop]), around)
        found.append(NestLoop(level.name, level.loop, around / points, points, level.parallel))
        inside[level.loop] = points
    return found


def _around(path: Path) -> list[NestLoop]:
    """The levels of other statements, with the points of the leaf's loops in a piece of each."""
    finest = {(one.statement, one.level.loop): one for one in path.around}
    inside: dict[tuple[int, str], int] = {}
    found = []
    for one in path.around:
        key = one.statement, one.level.loop
        above = inside.get(key, one.grain.extent)
        points = min(one.level.points(one.grain), above)
        inner = finest[key]
        pieces = -(-points // inner.level.points(inner.grain))  # of the finest level
        held = [
            (region.loop, min(region.usual + (pieces - 1) * abs(c), region.extent))
            for region in path.regions
            if (c := region.start.coefficient(inner.piece))
        ]
        (loop, size), *others = held or [("", 0)]
        trips = above / points
        found.append(NestLoop(one.level.name, loop, trips, size, one.level.parallel, (*others,)))
        inside[key] = points
    return found


@dataclass(frozen=True)
class Lines:
    """Cache lines touched, `run` of them side by side.

    `crowded` counts them as if they used all sets of a cache alike. Rows a power of two apart fall
    into few sets: 64 lines in 4 of 64 sets fill as much of these as 1024 spread ones.
    """

    touched: float
    crowded: float
    run: float


class Footprint:
    """What one access touches while each loop covers a number of consecutive points.

    Along a dimension `points` of the loops that index it reach
    min(product of points, sum(|coefficient| * (points - 1)) + 1) elements: exact for one loop, for
    loops whose windows overlap and for strides that leave gaps between them.
    """

    def __init__(self, access: Access, layout: Layout, line: int = 64) -> None:
        """`line` is in bytes."""
        self.tensor = access.tensor
        self._sizes = layout.shape
        self._terms = [[(loop, abs(c)) for loop, c in index.terms] for index in access.indices]
        self._loops = sorted(access.loops)
        self._axes = _axes(layout)
        self._line, self._sets = line, PAGE // line
        self._element = layout.dtype.bytes
        self._total = layout.bytes / line
        self._known: dict[tuple[int, ...], Lines] = {}

    def elements(self, points: Mapping[str, int]) -> int:
        """Distinct elements while each loop covers `points[loop]` points."""
        return prod(count for count, _ in self._reach(points))

    def lines(self, points: Mapping[str, int]) -> Lines:
        """Lines that hold these elements; runs that start anywhere count their mean."""
        key = tuple(points[loop] for loop in self._loops)
        if key not in self._known:
            self._known[key] = self._counted(points)
        return self._known[key]

    def _reach(self, points: Mapping[str, int]) -> list[tuple[int, int]]:
        """Elements touched along each dimension, and from the first to the last of them."""
        found = []
        for size, terms in zip(self._sizes, self._terms, strict=True):
            span = 1 + sum(c * (points[loop] - 1) for loop, c in terms)
            count = prod(points[loop] for loop, _ in terms)
            found.append((min(count, span, size), min(span, size)))
        return found

    def _counted(self, points: Mapping[str, int]) -> Lines:
        reach = self._reach(points)
        lines, span, stride = 1.0, 1, 1  # lines touched so far, elements from first to last
        run, apart = 0.0, 0  # lines of the innermost piece once it has ended; bytes between pieces
        for d, places, each in self._axes:
            count, distance = reach[d]
            held, over = min(places, -(-count // each)), min(places, -(-distance // each))
            span += (over - 1) * stride
            pieces, whole = held * lines, self._of_run(span)
            if pieces < whole:  # with gaps between them
                run = run or lines
                apart = gcd(apart, stride * self._element * max(1, (over - 1) // max(1, held - 1)))
            lines = min(pieces, whole)
            stride *= places
        lines = min(lines, self._total)
        run = run or lines
        if apart % self._line or not apart:
            return Lines(lines, lines, run)
        distinct = self._sets // gcd(apart // self._line, self._sets) * max(1.0, run)
        return Lines(lines, lines * self._sets / min(self._sets, distinct), run)

    def _of_run(self, elements: int) -> float:
        """Lines of consecutive elements: aligned where their number allows it, else at random."""
        size = elements * self._element
        if size % self._line == 0:
            return size / self._line
        return 1.0 if self._line % size == 0 else (size - self._element) / self._line + 1


def _axes(layout: Layout) -> list[tuple[int, int, int]]:
    """(dimension, places, elements of the dimension in a place) of each axis, innermost first."""
    axes = []
    each = [1] * len(layout.shape)
    for d, size in reversed(layout.blocks):
        axes.append((d, size, each[d]))
        each[d] *= size
    return axes + [(d, layout.outer[d], each[d]) for d in reversed(layout.order)]
