"""The part of a loop that an attached statement runs over, which the levels around it choose.

y[i] = ...            fusion of y at oh, whose pieces are 4 rows of z
z[oh] += y[oh + kh]   y runs over the rows 4*p0 <= i < 4*p0 + 6, those that there are
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from compiler.problem.primitive import Affine


@dataclass(frozen=True)
class Region:
    """The points of a loop that a statement runs over in one piece of the levels around it.

    They are `max(0, start) <= x < min(start + reach, extent)`. `start` is over the numbers of these
    pieces, `p0` of the outermost level, and over first points of regions further out.
    """

    statement: int
    loop: str
    start: Affine
    reach: int
    extent: int  # of the loop
    aligned: int  # a number that divides the first point
    sizes: tuple[int, ...]  # points that a piece may have, largest first

    @property
    def fixed(self) -> bool:
        """Whether all pieces have as many points."""
        return len(self.sizes) == 1

    @property
    def size(self) -> int:
        """Points of the largest piece."""
        return self.sizes[0]

    def count(self, at: Mapping[str, int]) -> int:
        """How many points a piece has, by the numbers of the pieces around."""
        start = self.start.at(at)
        return max(0, min(start + self.reach, self.extent) - max(start, 0))

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
