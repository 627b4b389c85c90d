"""Effective cache sizes from a curve of bandwidth over the bytes that are read again and again.

A guest is told caches that it shares with others (260 MB of L3, where 64 MB already reads at
DRAM's speed), so a level reaches as far as its bandwidth does, and no farther than it is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

SMALLEST, LARGEST = 8 << 10, 128 << 20  # bytes, sizes of the curve
STEP = 1.25  # two plateaus closer than this cannot be told apart


@dataclass(frozen=True)
class Curve:
    """Bytes that are read again and again, ascending, and bytes a second read of each."""

    sizes: tuple[int, ...]
    rates: tuple[float, ...]

    def falling(self) -> tuple[float, ...]:
        """The curve without its downward noise: more data is never read faster."""
        return tuple(max(self.rates[i:]) for i in range(len(self.rates)))

    def plateau(self, low: int, high: int) -> float | None:
        """The best rate of sizes in (low, high]."""
        rates = [r for s, r in zip(self.sizes, self.rates, strict=True) if low < s <= high]
        return max(rates, default=None)


@dataclass(frozen=True)
class EffectiveLevel:
    """An effective size in bytes and the bytes a second that one core reads from it."""

    bytes: int
    rate: float | None


def curve_sizes() -> tuple[int, ...]:
    """Two sizes an octave, multiples of eight vectors of any width."""
    sizes, size = [], float(SMALLEST)
    while size <= LARGEST:
        sizes.append(int(size) // 512 * 512)
        size *= 2**0.5
    return tuple(sizes)


def effective_levels(curve: Curve, told: Sequence[int]) -> tuple[EffectiveLevel, ...]:
    """One level for each told size, innermost first.

    Between two plateaus the border is where the curve passes their geometric mean.
    """
    ends = (0, *told)
    memory = curve.rates[-1]
    plateaus = [
        curve.plateau(2 * inner if inner else 0, outer) or curve.plateau(inner, outer)
        for inner, outer in zip(ends, told, strict=False)
    ]
    falling = curve.falling()
    levels: list[EffectiveLevel] = []
    for index, size in enumerate(told):
        rate = plateaus[index]
        beyond = plateaus[index + 1] if index + 1 < len(told) else memory
        if rate is None or beyond is None or rate < STEP * beyond:
            levels.append(EffectiveLevel(size, rate))
            continue
        border = sqrt(rate * beyond)
        reached = [s for s, r in zip(curve.sizes, falling, strict=True) if r >= border]
        least = levels[-1].bytes if levels else 1
        levels.append(EffectiveLevel(max(least, min(size, max(reached, default=size))), rate))
    return tuple(levels)


def found_sizes(curve: Curve) -> tuple[int, ...]:
    """Where nothing is told: the working sets after which the rate falls by a step."""
    falling = curve.falling()
    sizes: list[int] = []
    plateau = falling[0]
    for index in range(1, len(falling)):
        if falling[index] * STEP < plateau:
            settled = index + 1 >= len(falling) or falling[index + 1] * STEP >= falling[index]
            if settled:
                sizes.append(curve.sizes[index - 1])
                plateau = falling[index]
    return tuple(sizes[:3])
