"""Reads that are more than a load: what leaves its tensor, what lies apart along the lanes.

A read that leaves its tensor asks a question in each dimension, as the element is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from compiler.lower.addressing import Address
from compiler.lower.tree import Grain, Microkernel
from compiler.problem.primitive import Access, Affine, Primitive

Question = tuple[Affine, int]  # is 0 <= index < size?
SHUFFLED = 4  # elements so far apart are picked out of whole vectors, others one by one


@dataclass(frozen=True)
class Edge:
    """A read that asks these questions at each point; where one is denied it is `outside`."""

    access: Access
    questions: tuple[Question, ...]
    outside: float


def apart(leaf: Microkernel, address: Address) -> int:
    """Elements from lane to lane of a vector of an operand; 0 where all lanes share one."""
    return address.coefficient(leaf.vector, 1) if address.uses(leaf.vector) else 0


def vector_loads(leaf: Microkernel, address: Address) -> int:
    """Loads and moves that put a vector of an operand together; 1 where it is contiguous."""
    step = apart(leaf, address)
    if step in (0, 1) or leaf.lanes == 1:
        return 1
    return 2 * step if 1 < step <= SHUFFLED else 2 * leaf.lanes


def anywhere(address: Address, vector: str, lanes: int) -> bool:
    """Whether vectors of a contiguous operand do not all start at multiples of their width."""
    for d, outer in enumerate(address.layout.outer_strides):
        index = address.index(d)
        steps = [c * outer for loop, c in index.terms if loop != vector]
        if address.layout.block(d) == 1 and any(
            step % lanes for step in (*steps, index.constant * outer)
        ):
            return True
    return False


@lru_cache(maxsize=4096)  # the schedules of a space share their tiles
def crossing(grains: tuple[Grain, ...], question: Question) -> float:
    """Share of the register tiles that are not inside, as this dimension goes.

    The index runs over `span` values, of which a tile has as many as its points move it.
    """
    index, size = question
    extents = {g.loop: g.extent if g.region is None else g.region.extent for g in grains}
    low, high = index.bounds(extents)
    points = {grain.loop: grain.points for grain in grains}
    reach = 1 + sum(abs(c) * (points[loop] - 1) for loop, c in index.terms)
    tiles = max(1, -(-(high - low + 1) // reach))
    outside = -(-max(0, -low) // reach) + -(-max(0, high - size + 1) // reach)
    return min(1.0, outside / tiles)


def questions(nest: Primitive, access: Access) -> tuple[Question, ...]:
    """The dimensions in which an access leaves its tensor somewhere."""
    extents, shape = dict(nest.extents), nest.tensor(access.tensor).shape
    found = []
    for index, size in zip(access.indices, shape, strict=True):
        low, high = index.bounds(extents)
        if low < 0 or high >= size:
            found.append((index, size))
    return tuple(found)


def edge(nest: Primitive, access: Access) -> Edge | None:
    """None where an access stays inside."""
    asked = questions(nest, access)
    return Edge(access, asked, nest.tensor(access.tensor).outside or 0.0) if asked else None
