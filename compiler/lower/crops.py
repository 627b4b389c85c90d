"""Writes that leave their target are dropped: which register tiles are left, and what of them.

    out[oc, 2*w + b - 1] += data[ic,w] * weight[ic,oc,b]     14 columns w in tiles of 7, b < 4

    b = 0, tile 0      points 1 to 6      -1 lies before the first element
    b = 3, tile 1      points 0 to 5      28 lies behind the last one
    else               all 7

Where no loop of the index has tiles of several points, a tile writes inside or outside as a whole:
a condition on the loops around it. Where one has, border classes say which of its points are left
by the iterations of the other loop. Both stand in the sets that isl makes loops of, so nothing is
asked inside of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from math import prod

from compiler.errors import ScheduleError
from compiler.lower.border_classes import Border, TileClass
from compiler.lower.edges import questions
from compiler.lower.tree import Microkernel
from compiler.problem.primitive import Affine, Primitive


@dataclass(frozen=True)
class Crop:
    """A dimension in which a target is left: iterations outside `0 <= index < size` are dropped.

    `border` where tiles along one of its loops have several points.
    """

    index: Affine
    size: int
    border: Border | None = None

    def kept(self, extents: Mapping[str, int]) -> float:
        """Part of the iterations of its loops that write inside."""
        low, _ = self.index.bounds(extents)
        terms = sorted((extents[loop], abs(c)) for loop, c in self.index.terms)
        return _inside(tuple(terms), low, self.size) / prod(extent for extent, _ in terms)


def crops_of(nest: Primitive, leaf: Microkernel) -> tuple[Crop, ...]:
    """Those of a leaf's own target; ScheduleError where points of a tile are left otherwise."""
    target = nest.statements[leaf.statement].target
    found = []
    for index, size in questions(nest, target):
        where = f"{nest.name}: schedule: {target} is cropped along '{index}'"
        if leaf.vector in index.loops:
            raise ScheduleError(f"{where}: {leaf.vector} cannot fill vectors")
        if any(leaf.grain(loop).region is not None for loop in index.loops):
            raise ScheduleError(f"{where}: no piece of it can be attached")
        tiled = [loop for loop in index.loops if leaf.grain(loop).points > 1]
        found.append(Crop(index, size, _border(where, leaf, index, size) if tiled else None))
    points = [crop.border.point for crop in found if crop.border is not None]
    if twice := sorted(point for point in set(points) if points.count(point) > 1):
        raise ScheduleError(f"{nest.name}: schedule: {target} is cropped twice along {twice[0]}")
    return tuple(found)


def _border(where: str, leaf: Microkernel, index: Affine, size: int) -> Border:
    """The points of the tiled loop for each iteration of the other one, if there is one."""
    (point, step), *others = sorted(index.terms, key=lambda x: -leaf.grain(x[0]).points)
    several = [loop for loop, _ in others if leaf.grain(loop).points > 1]
    if several or len(others) > 1 or step < 1:
        raise ScheduleError(
            f"{where}: tile {point} must be 1, it is not {point} and one other loop"
        )
    tap, tap_step = others[0] if others else ("", 0)
    taps = leaf.grain(tap).extent if tap else 1
    return Border(point, tap, step, tap_step, index.constant, size, taps)


def cropped(
    classes: tuple[TileClass, ...], crops: Sequence[Crop]
) -> Iterator[tuple[TileClass, ...]]:
    """The classes of a tile's loops, once for each choice of taps that leaves it some points.

    A class of the cropped loop keeps these points alone, the one of the other loop these taps.
    """
    borders = [crop.border for crop in crops if crop.border is not None]
    by_loop = {one.loop: one for one in classes}
    for groups in product(*(by_loop[border.point].taps or () for border in borders)):
        left = dict(by_loop)
        for border, group in zip(borders, groups, strict=True):
            left[border.point] = left[border.point].only(group.live)
            if border.tap:
                tap = left[border.tap]
                first, last = max(tap.first, group.low), min(tap.last, group.high)
                left[border.tap] = replace(tap, first=first, last=last)
        if all(one.first < one.last for one in left.values()):
            yield tuple(left.values())


def unplaced(classes: tuple[TileClass, ...], crops: Sequence[Crop]) -> tuple[TileClass, ...]:
    """What the code of a tile depends on: of loops that a crop cuts not where, but how much."""
    borders = [crop.border for crop in crops if crop.border is not None]
    cut = {loop for border in borders for loop in (border.point, border.tap)}
    return tuple(TileClass(x.loop, 0, 1, x.size, 0) if x.loop in cut else x for x in classes)


@lru_cache(maxsize=4096)  # the schedules of a space share their target
def _inside(terms: tuple[tuple[int, int], ...], constant: int, size: int) -> int:
    """How often `0 <= sum(step * x) + constant < size`, over x < extent; (extent, step) by x."""
    if not terms:
        return int(0 <= constant < size)
    (extent, step), *rest = terms
    if len(terms) == 1:
        return Border("", "", 1, step, constant, size, extent).live_pairs(1)
    if len(terms) == 2:
        ((points, point_step),) = rest
        return Border("", "", point_step, step, constant, size, extent).live_pairs(points)
    return sum(_inside(tuple(rest), constant + step * x, size) for x in range(extent))
