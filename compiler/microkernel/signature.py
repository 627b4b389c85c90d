"""What a form of microkernel computes, and what it demands of its operands, as data.

    out[p,v] += left[p] * right[v]

`v` is the loop that fills lanes, `p` the points of the register tile. How an operand is indexed is
the demand: with `v` it is read as whole vectors, so it must be contiguous along that loop; without
`p` one value serves all points, so it must not differ between them. An output without `v` has its
lanes across the reduction: each holds a part of a point's sum, and all are joined at last.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Signature:
    """A form of microkernel: its text in a schedule, its semantics in index notation.

    name      what a schedule calls it
    computes  one step of the reduction for a register tile
    memory    its sums are added to the output in memory, step by step, as a library's product does;
              else they stay in registers for the whole reduction
    library   the library that computes it, a matrix product a step of the innermost reduction loop;
              else it is printed as C
    """

    name: str
    computes: str
    memory: bool = False
    library: str = ""

    @property
    def sums(self) -> bool:
        """Whether it is a sum of products; else it takes any expression, reduced or not."""
        return "+=" in self.computes

    @property
    def across(self) -> bool:
        """Whether lanes lie across the reduction; else each lane is a point of the output."""
        return not self.vectors("out")

    def vectors(self, operand: str) -> bool:
        """Whether the operand is read or written as whole vectors."""
        return "v" in self._indices(operand)

    def differs(self, operand: str) -> bool:
        """Whether the operand may differ between the points of a register tile."""
        return "p" in self._indices(operand)

    def _indices(self, operand: str) -> list[str]:
        found = re.search(rf"\b{operand}\[([a-z,]+)\]", self.computes)
        assert found is not None, f"{self.name} has no operand {operand}"
        return found[1].split(",")
