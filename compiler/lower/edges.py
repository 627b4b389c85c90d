"""Reads that are more than a load: what leaves its tensor, what lies apart along the lanes.

A read that leaves its tensor asks a question in each dimension, as the element is read.
"""

from __future__ import annotations

from dataclasses import dataclass

from compiler.lower.addressing import Address
from compiler.lower.tree import Microkernel
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
