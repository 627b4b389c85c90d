"""The register tile as a value: which shapes a vector unit can hold, and what they cost a step."""

from __future__ import annotations

from dataclasses import dataclass

from compiler.problem.architecture import Architecture


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

    def cycles(self, machine: Architecture) -> float:
        """Cycles of one reduction step: multiply-adds, loads (two a cycle), or their latency.

        max(points*vectors/fma, (points+vectors)/2, latency): each accumulator depends on itself.
        """
        return max(
            self.accumulators / machine.fma_per_cycle,
            (self.points + self.vectors) / 2,
            float(machine.fma_latency),
        )


def register_tiles_of(machine: Architecture, points: int, vectors: int) -> tuple[RegisterTile, ...]:
    """Tiles that fit the registers and keep the multiply-adders at 75 % or more, best first.

    `points` and `vectors` are what the problem has; a tile that holds all of it is always kept.
    """
    tiles = []
    for v in range(1, min(vectors, 6) + 1):
        for p in range(1, min(points, machine.vector_registers) + 1):
            tile = RegisterTile(p, v)
            if tile.registers(machine.embedded_broadcast) > machine.vector_registers:
                break
            tiles.append(tile)

    def rate(tile: RegisterTile) -> float:
        return tile.accumulators / tile.cycles(machine)

    best = max(map(rate, tiles))
    kept = [t for t in tiles if rate(t) >= 0.75 * best]
    return tuple(sorted(kept, key=lambda t: (-rate(t), t.points + t.vectors, t.vectors)))
