"""Cache lines that one call moves into a cache, from how often each footprint is fetched again.

Between two uses of a line in successive iterations of a loop, one iteration's working set passes
by. What fits the cache is fetched once for the loop, what does not fit once per iteration: reuse is
weighted by how often it happens, and all tensors share the capacity (least recently used first).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from compiler.cost.footprints import Footprint, NestLoop

FULL = 1.25  # working set / capacity at which nothing is left of the last iteration
KEPT = 0.75  # ... and up to which all of it is


class Traffic:
    """The nest's levels with the lines that every access touches inside each of them."""

    def __init__(
        self,
        loops: Sequence[NestLoop],
        extents: Mapping[str, int],
        read: Sequence[Footprint],
        written: Footprint,
        microkernel: int,
    ) -> None:
        """`written` stays in registers inside the levels from number `microkernel` on."""
        self._trips = [loop.trips for loop in loops]
        self._inside = [_by_depth(footprint, loops, extents) for footprint in read]
        self._inside.append(_by_depth(written, loops, extents)[: microkernel + 1])
        self._held = [sum(x[d] for x in self._inside if d < len(x)) for d in range(len(loops) + 1)]

    def moved(self, capacity: float) -> float:
        """Lines fetched and written back in one call, for a cache of so many lines.

        The same call ran before: what fits is there already.
        """
        missed = [_missed(held, capacity) for held in self._held]
        total = 0.0
        for number, inside in enumerate(self._inside):
            fetched = inside[-1]
            for depth in range(len(inside) - 2, -1, -1):
                again = self._trips[depth] * fetched - inside[depth]
                fetched = inside[depth] + max(0.0, again) * missed[depth + 1]
            writes = 2 if number == len(self._inside) - 1 else 1
            total += writes * fetched * missed[0]
        return total


def _by_depth(
    footprint: Footprint, loops: Sequence[NestLoop], extents: Mapping[str, int]
) -> list[float]:
    """Lines inside each depth: all of the nest first, one register tile's step last."""
    points = dict(extents)
    found = [footprint.lines(points)]
    for loop in loops:
        points[loop.loop] = loop.points
        found.append(footprint.lines(points))
    return found


def _missed(held: float, capacity: float) -> float:
    """Share of the last iteration's lines that are gone: caches are no perfect stacks."""
    if capacity <= 0:
        return 1.0
    return min(1.0, max(0.0, (held / capacity - KEPT) / (FULL - KEPT)))
