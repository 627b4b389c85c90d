"""Where a read leaves its tensor: a question in each dimension, asked as the element is read."""

from __future__ import annotations

from dataclasses import dataclass

from compiler.problem.primitive import Access, Affine, Primitive

Question = tuple[Affine, int]  # is 0 <= index < size?


@dataclass(frozen=True)
class Edge:
    """A read that asks these questions at each point; where one is denied it is `outside`."""

    access: Access
    questions: tuple[Question, ...]
    outside: float


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
