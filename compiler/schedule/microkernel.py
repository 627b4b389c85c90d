"""The register tile as a value: which shapes a vector unit can hold, and what they cost a step."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from compiler.problem.architecture import Architecture

LOADS_PER_CYCLE = 1.75  # of two ports: the address that a port needs is not always there


@dataclass(frozen=True)
class RegisterTile:
    """`points` scalars of the broadcast operand against `vectors` of the vector operand."""

    points: int
    vectors: int

    @property
    def accumulators(self) -> int:
        return self.points * self.vectors

    def registers(self, embedded_broadcast: bool) -> int:
        """Registers held at once: accumulators, the smaller operand, one for the larger.

        With embedded broadcasts (AVX-512) the scalars need none, the vectors stay in registers.
        """
        if embedded_broadcast:
            return self.accumulators + self.vectors
        return self.accumulators + min(self.points, self.vectors) + 1

    def cycles(self, machine: Architecture, unaligned: bool = False) -> float:
        """Cycles of one reduction step: multiply-adds, loads, or their latency.

        max(points*vectors/fma, loads/LOADS_PER_CYCLE, latency): each accumulator depends on itself.
        Vectors that are `unaligned` cross into a second line, as often as their width says.
        """
        crossing = machine.vector_bytes / 64 if unaligned else 0.0
        return max(
            self.accumulators / machine.fma_per_cycle,
            (self.points + self.vectors * (1 + crossing)) / LOADS_PER_CYCLE,
            float(machine.fma_latency),
        )

    def rate(self, machine: Architecture) -> float:
        """Multiply-adds of a vector that a cycle does."""
        return self.accumulators / self.cycles(machine)


def register_tiles_of(
    machine: Architecture, points: int, vectors: int, least: float = 0.75
) -> tuple[RegisterTile, ...]:
    """Tiles that fit the registers and have `least` of the best rate or more, best first.

    `points` and `vectors` are what the problem has.
    """
    tiles = _fitting(machine, points, vectors)
    best = max(tile.rate(machine) for tile in tiles)
    kept = [t for t in tiles if t.rate(machine) >= least * best]
    return tuple(sorted(kept, key=lambda t: (-t.rate(machine), t.points + t.vectors, t.vectors)))


@lru_cache(maxsize=256)
def dividing_tile(machine: Architecture, points: int, vectors: int) -> RegisterTile:
    """The tile of best rate that divides `points` and `vectors`; of equals, the fewest loads.

    Loads per multiply-add are (points + vectors) / accumulators.
    """
    tiles = _fitting(machine, points, vectors)
    whole = [t for t in tiles if points % t.points == 0 and vectors % t.vectors == 0]
    return min(
        whole,
        key=lambda t: (-t.rate(machine), (t.points + t.vectors) / t.accumulators, t.vectors),
    )


def _fitting(machine: Architecture, points: int, vectors: int) -> list[RegisterTile]:
    tiles = []
    for v in range(1, min(vectors, 6) + 1):
        for p in range(1, min(points, machine.vector_registers) + 1):
            tile = RegisterTile(p, v)
            if tile.registers(machine.embedded_broadcast) > machine.vector_registers:
                break
            tiles.append(tile)
    return tiles
