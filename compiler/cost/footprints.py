"""Distinct elements that a part of the transformed nest touches, in closed form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from compiler.problem.primitive import Access, Primitive
from compiler.schedule.schedule import Schedule
from compiler.schedule.tiling import levels


@dataclass(frozen=True)
class OuterLoop:
    """A level around the microkernel: iterations, and points of its loop in one of them."""

    name: str
    loop: str
    trips: int
    points: int


def outer_loops(nest: Primitive, schedule: Schedule, reduction: tuple[str, ...]) -> list[OuterLoop]:
    """The levels around the microkernel, outermost first; trips are per iteration of the parents.

    Uneven pieces count as the largest one, trips as the mean.
    """
    outer = schedule.outer_levels(reduction)
    found: list[OuterLoop] = []
    inside = dict(nest.extents)
    for level in levels(nest, schedule)[: len(outer)]:
        points = min(level.runs[0][1], inside[level.loop])
        trips = -(-inside[level.loop] // points)
        found.append(OuterLoop(level.name, level.loop, trips, points))
        inside[level.loop] = points
    return found


def footprint(access: Access, shape: tuple[int, ...], ranges: Mapping[str, int]) -> int:
    """Distinct elements of an access while each loop covers `ranges[loop]` consecutive points.

    Product over dimensions of sum(|coefficient| * (range - 1)) + 1, cut to the tensor: the box
    that encloses the elements, exact for one loop an index or for overlapping windows.
    """
    elements = 1
    for index, size in zip(access.indices, shape, strict=True):
        reach = 1 + sum(abs(c) * (ranges[loop] - 1) for loop, c in index.terms)
        elements *= min(reach, size)
    return elements


def footprints(nest: Primitive, access: Access, loops: list[OuterLoop]) -> list[int]:
    """The footprint of an access inside each depth: all of the nest first, a microkernel last."""
    shape = nest.tensor(access.tensor).shape
    ranges = dict(nest.extents)
    found = [footprint(access, shape, ranges)]
    for outer in loops:
        ranges[outer.loop] = outer.points
        found.append(footprint(access, shape, ranges))
    return found
