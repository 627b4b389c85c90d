"""A perfect nest of one statement over a box: what the paper's analysis of reuse works on.

Tiling makes more loops and no more constraints: a loop `ic` cut into tiles of 16 points becomes the
loops `ic@1` and `ic`, and an index `ic` becomes `16*ic@1 + ic`.
"""

from __future__ import annotations

from dataclasses import dataclass

from compiler.problem.primitive import Access


@dataclass(frozen=True)
class PerfectNest:
    """Loops outermost first with their extents; accesses by index expressions over these loops.

    The first access is the write. Every loop runs from 0 over all of its extent: tensors count as
    physically padded, so no iteration is left out at a border.
    """

    loops: tuple[tuple[str, int], ...]
    accesses: tuple[Access, ...]
