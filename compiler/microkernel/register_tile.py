"""The register tile as a value: which shapes a vector unit can hold, and what they cost a step."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from compiler.problem.architecture import Architecture

# Exponent of the norm that joins a step's bounds (see RegisterTile.cycles): infinity would let a
# step reach the longer of two equal bounds, 1 would let nothing overlap.
CROSSING = 4
MOST_LOADS = 4.0  # a cycle, of any machine


@dataclass(frozen=True)
class RegisterTile:
    """`points` scalars of the broadcast operand against `vectors` of the vector operand."""

    points: int
    vectors: int

    @property
    def accumulators(self) -> int:
        return self.points * self.vectors

    def registers(self, embedded_broadcast: bool) -> int:
        """Registers held at once, as compilers use them: accumulators, the smaller operand, one.

        Only with a single vector do multiply-adds read their scalars from memory (AVX-512); with
        more, every scalar goes through a register, since several multiply-adds share it.
        """
        if embedded_broadcast and self.vectors == 1:
            return self.accumulators + 1
        return self.accumulators + min(self.points, self.vectors) + 1

    def cycles(self, machine: Architecture, unaligned: bool = False, more: int = 0) -> float:
        """Cycles of one reduction step: multiply-adds, loads, or their latency.

        Each accumulator depends on itself, so latency is a bound like the other two. Near the
        crossing of two bounds neither is reached, because what waits for one is not there for the
        other: a norm joins them, |(points*vectors/fma, loads/rate, latency)| with exponent 4.
        Vectors that are `unaligned` cross into a second line, as often as their width says; `more`
        loads are issued beside them.
        """
        return joined(
            self.accumulators / machine.fma_per_cycle,
            (self._loads(machine, unaligned) + more) / machine.loads_per_cycle,
            float(machine.fma_latency),
        )

    def loads_per_cycle(self, machine: Architecture, cycles: float) -> float:
        """The rate at which `cycles` would predict what a step took; the inverse of it.

        At most MOST_LOADS: multiply-adds alone explain a step that is as short as they are.
        """
        others = (self.accumulators / machine.fma_per_cycle, float(machine.fma_latency))
        left = cycles**CROSSING - sum(bound**CROSSING for bound in others)
        loads = self._loads(machine, False)
        least = loads / MOST_LOADS
        return float(loads / max(left, least**CROSSING) ** (1 / CROSSING))

    def _loads(self, machine: Architecture, unaligned: bool) -> float:
        crossing = machine.vector_bytes / 64 if unaligned else 0.0
        return self.points + self.vectors * (1 + crossing)

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


def joined(*bounds: float) -> float:
    """Cycles of a step that has these bounds: near their crossing it reaches neither."""
    return float(sum(bound**CROSSING for bound in bounds) ** (1 / CROSSING))


def _fitting(machine: Architecture, points: int, vectors: int) -> list[RegisterTile]:
    tiles = []
    for v in range(1, min(vectors, 6) + 1):
        for p in range(1, min(points, machine.vector_registers) + 1):
            tile = RegisterTile(p, v)
            if tile.registers(machine.embedded_broadcast) > machine.vector_registers:
                break
            tiles.append(tile)
    return tiles
