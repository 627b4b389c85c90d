"""A perfect nest of one statement: what the paper's analysis of reuse works on.

Tiling makes more loops: a loop `ic` cut into tiles of 16 points becomes the loops `ic@1` and `ic`,
and an index `ic` becomes `16*ic@1 + ic`.
"""

from __future__ import annotations

from dataclasses import dataclass

from compiler.problem.primitive import Access, Affine


@dataclass(frozen=True)
class PerfectNest:
    """Loops outermost first with their extents; accesses by index expressions over these loops.

    The first access is the write. Every loop runs from 0 over all of its extent: tensors count as
    physically padded, so no iteration is left out at a border. The one exception is a loop that
    its outermost tiles do not divide: `limits` holds `index < size` for it, which cuts the last
    tile short. Without limits the domain is a box.
    """

    loops: tuple[tuple[str, int], ...]
    accesses: tuple[Access, ...]
    limits: tuple[tuple[Affine, int], ...] = ()
