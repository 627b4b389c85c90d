"""The part of a loop that an attached statement runs over, which the levels around it choose.

y[i] = ...            fusion of y at oh, whose pieces are 4 rows of z
z[oh] += y[oh + kh]   y runs over the rows 4*p0 <= i < 4*p0 + 6, those that there are
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from compiler.problem.primitive import Affine


@dataclass(frozen=True)
class Kept:
    """What a piece finds of the one before it: `points` of the region, which moves by `step`.

    `number` is that of the piece among those that share the buffer, 0 in the first, which finds
    nothing. `depth` levels are around the buffer.
    """

    number: Affine
    points: int
    step: int
    depth: int


@dataclass(frozen=True)
class Region:
    """The points of a loop that a statement runs over in one piece of the levels around it.

    They are `max(0, start) <= x < min(start + reach, extent)`, but for those that are `kept` from
    the piece before. `start` is over the numbers of these pieces, `p0` of the outermost level, and
    over first points of regions further out.
    """

    statement: int
    loop: str
    start: Affine
    reach: int
    extent: int  # of the loop
    aligned: int  # a number that divides the first point
    sizes: tuple[int, ...]  # points that a piece may have, largest first
    kept: Kept | None = None

    @property
    def fixed(self) -> bool:
        """Whether all pieces have as many points."""
        return len(self.sizes) == 1

    @property
    def size(self) -> int:
        """Points of the largest piece."""
        return self.sizes[0]

    @property
    def usual(self) -> int:
        """Points of a piece that others of full size are around."""
        return self.size if self.kept is None else min(self.size, self.kept.step)

    @property
    def variables(self) -> frozenset[str]:
        """What its points depend on: numbers of pieces, first points of regions further out."""
        kept = () if self.kept is None else self.kept.number.terms
        return frozenset(name for name, _ in (*self.start.terms, *kept))

    def count(self, at: Mapping[str, int]) -> int:
        """How many points a piece has, by the numbers of the pieces around."""
        end = min(self.start.at(at) + self.reach, self.extent)
        return max(0, end - self.first_at(at))

    def first_at(self, at: Mapping[str, int]) -> int:
        """The first point of a piece."""
        start = self.start.at(at)
        if self.kept is not None and self.kept.number.at(at) > 0:
            start += self.kept.points
        return max(0, start)

    @property
    def first(self) -> str:
        """C and isl variable: the first point."""
        return first_point(self.statement, self.loop)

    @property
    def points(self) -> str:
        """How many points there are: a number, or a variable."""
        return str(self.size) if self.fixed else f"points{self.statement}_{self.loop}"


def first_point(statement: int, loop: str) -> str:
    return f"from{statement}_{loop}"
