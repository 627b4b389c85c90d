"""Copies of a sum, one a piece of its private levels: where they lie and how they are combined.

    parallel for k@1: 3 pieces    piece ? t_private_c + (piece - 1) * 64 : t_c, in c's place
      ... c += ...
                                  parallel for i: t_c[i] + t_private_c[i] + t_private_c[64 + i]

The first copy is the target itself. The number of threads decides who computes a copy, not which
there are and not in which order they are added: the result is the same bit by bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from compiler.codegen.kernel import Buffer, whole_lines
from compiler.codegen.scalar_expression import REGISTERS, combined, number_text
from compiler.lower.steps import SHARED
from compiler.lower.tree import Path, Tree
from compiler.problem.dtypes import DType
from compiler.problem.primitive import NEUTRAL, Reduction

INLINE = {"max": "maximum", "min": "minimum"}


@dataclass(frozen=True)
class Copies:
    """The copies of a path's target; `path` has private levels."""

    tree: Tree
    path: Path

    @property
    def tensor(self) -> str:
        return self.tree.statement(self.path.leaf).target.tensor

    @property
    def reduction(self) -> Reduction:
        reduction = self.tree.statement(self.path.leaf).reduction
        assert reduction is not None
        return reduction

    @property
    def dtype(self) -> DType:
        return self.tree.nest.tensor(self.tensor).dtype

    @property
    def others(self) -> int:
        """Copies beside the target itself."""
        return prod(self.path.copies) - 1

    @property
    def elements(self) -> int:
        """Of the target."""
        return self.tree.layout_of(self.tensor).elements

    @property
    def apart(self) -> int:
        """Elements from one copy to the next: whole cache lines, so that threads share none."""
        return whole_lines(self.elements, self.dtype)

    @property
    def name(self) -> str:
        return f"private_{self.tensor}"

    @property
    def buffer(self) -> Buffer:
        """The workspace of all but the first."""
        return Buffer(self.name, "workspace", max(1, self.others) * self.apart, self.dtype, None)

    def place(self, pieces: Sequence[str]) -> str:
        """C expression of a copy, by the piece of each private level."""
        number = pieces[0]
        for piece, count in zip(pieces[1:], self.path.copies[1:], strict=True):
            number = f"({number}) * {count} + {piece}"
        return f"({number} ? t_{self.name} + ({number} - 1) * {self.apart} : t_{self.tensor})"

    def started(self) -> list[str]:
        """C lines that set all but the first to the neutral element."""
        value = number_text(NEUTRAL[self.reduction], self.dtype)
        count = self.others * self.apart
        loop = f"for (long i = 0; i < {count}; ++i) t_{self.name}[i] = {value};"
        return [_pragma(count), loop] if self.others else []

    def combined(self) -> list[str]:
        """C lines that leave in the target what all copies hold."""
        if not self.others:
            return []
        register, dtype = REGISTERS[self.reduction], self.dtype
        taken = f"t_{self.name}[p * {self.apart} + i]"
        return [
            _pragma(self.elements * self.others),
            f"for (long i = 0; i < {self.elements}; ++i) {{",
            f"  {dtype.c} {register} = t_{self.tensor}[i];",
            f"  for (long p = 0; p < {self.others}; ++p)",
            f"    {combined(self.reduction, register, taken, INLINE)}",
            f"  t_{self.tensor}[i] = {register};",
            "}",
        ]


def _pragma(iterations: int) -> str:
    """Of a loop in vectors, which threads share where that is worth waking them."""
    return f"#pragma omp {'parallel for ' if iterations >= SHARED else ''}simd"
