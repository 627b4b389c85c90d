"""How many steps of the innermost reduction loop are printed at once."""

from __future__ import annotations

from collections.abc import Mapping

from compiler.problem.primitive import Primitive
from compiler.schedule.schedule import loop_of

UNROLL = 4
LONGEST_UNROLLED = 8  # a shorter reduction loop is unrolled whole
LONG = 128  # steps from which twice as many are unrolled


def unrolled(nest: Primitive, innermost: str, block: Mapping[str, int]) -> int:
    """Steps of the innermost reduction loop to print at once: all of a short loop's."""
    loop = loop_of(innermost)
    steps = block.get(f"{loop}@1", nest.extent(loop))
    if steps <= LONGEST_UNROLLED:
        return steps
    return 2 * UNROLL if steps >= LONG else UNROLL
