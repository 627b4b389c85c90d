"""Distinct elements that a part of the transformed nest touches, in closed form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from compiler.problem.primitive import Access, Primitive
from compiler.schedule.schedule import Schedule, loop_of
from compiler.schedule.tiling import register_tiles


@dataclass(frozen=True)
class OuterLoop:
    """A level around the microkernel: iterations, and points of its loop in one of them."""

    name: str
    loop: str
    trips: int
    points: int


def outer_loops(nest: Primitive, schedule: Schedule, reduction: tuple[str, ...]) -> list[OuterLoop]:
    """The levels around the microkernel, outermost first; trips are per iteration of the parents.

    Uneven pieces count as the largest one.
    """
    found: list[OuterLoop] = []
    inside = dict(nest.extents)
    for name in schedule.outer_levels(reduction):
        loop = loop_of(name)
        points = schedule.block_of(name) or 1
        if loop not in reduction:
            points *= register_tiles(nest, schedule, loop)[0][1]
            points *= schedule.vector[1] if loop == schedule.vector[0] else 1
        points = min(points, inside[loop])
        found.append(OuterLoop(name, loop, -(-inside[loop] // points), points))
        inside[loop] = points
    return found


class Footprint:
    """Distinct elements of one access while each loop covers a number of consecutive points.

    Product over dimensions of sum(|coefficient| * (points - 1)) + 1, cut to the tensor: the box
    that encloses the elements, exact for one loop an index or for overlapping windows.
    """

    def __init__(self, nest: Primitive, access: Access) -> None:
        shape = nest.tensor(access.tensor).shape
        self._dimensions = [
            (size, [(loop, abs(c)) for loop, c in index.terms])
            for index, size in zip(access.indices, shape, strict=True)
            if index.terms
        ]
        self._extents = dict(nest.extents)
        self._loops = {loop for index in access.indices for loop in index.loops}

    def elements(self, points: Mapping[str, int]) -> int:
        """Elements while each loop covers `points[loop]` points."""
        product = 1
        for size, terms in self._dimensions:
            reach = 1
            for loop, coefficient in terms:
                reach += coefficient * (points[loop] - 1)
            product *= reach if reach < size else size
        return product

    def by_depth(self, loops: list[OuterLoop]) -> list[int]:
        """Elements inside each depth: all of the nest first, one microkernel last."""
        points = dict(self._extents)
        found = [self.elements(points)]
        for outer in loops:
            points[outer.loop] = outer.points
            found.append(self.elements(points) if outer.loop in self._loops else found[-1])
        return found
