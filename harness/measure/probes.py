"""What a core does with microkernels: generated matrix products in L1, and what they reveal.

A probe is a product of one register tile's shape, long or short. The difference of two lengths is
what its reduction steps cost, the rest is what its ends cost. The compiler's own code is timed, so
that what the C compiler makes of it is in the figures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from compiler.codegen.kernel import Kernel
from compiler.microkernel.register_tile import RegisterTile
from compiler.pipeline import compile_schedule, parse_schedule
from compiler.problem.architecture import Architecture
from compiler.problem.dtypes import F32
from compiler.problem.specification import primitive_from

SHORT, LONG = 32, 96  # reduction steps: operands of either stay in an L1 of 32 KiB
CALLS = 2  # register tiles in one call
UNROLL = 4
SMALL = RegisterTile(4, 2)  # latency covers it: its end costs nothing


@dataclass(frozen=True)
class Probe:
    """A matrix product of CALLS register tiles, `steps` long."""

    tile: RegisterTile
    steps: int

    def kernel(self, machine: Architecture) -> Kernel:
        """Its C, for the machine's vectors."""
        points, lanes = self.tile.points, machine.lanes(F32)
        primitive = primitive_from(
            {
                "name": "probe",
                "sizes": {"m": points, "n": self.tile.vectors * lanes * CALLS, "k": self.steps},
                "tensors": {"a": ["m", "k"], "b": ["k", "n"], "c": ["m", "n"]},
                "constant": ["b"],
                "plain": ["a", "c"],
                "statements": ["c[m,n] += a[m,k] * b[k,n]"],
            }
        )
        schedule = parse_schedule(
            f"broadcast/vector:n.{lanes}/tile:n.{self.tile.vectors}+m.{points}/order:m+n+k"
            f"/layout:b.Ba{lanes}b/unroll:{UNROLL}"
        )
        return compile_schedule(primitive, schedule)


@dataclass(frozen=True)
class Rates:
    """Vectors loaded in a cycle beside multiply-adds, and cycles between full register tiles."""

    loads_per_cycle: float
    drain_cycles: float


def probes(machine: Architecture) -> tuple[Probe, ...]:
    """Every tile that tells something of such a machine, short and long."""
    tiles = (*loading_tiles(machine), *full_tiles(machine), SMALL)
    return tuple(Probe(t, steps) for t in dict.fromkeys(tiles) for steps in (SHORT, LONG))


def loading_tiles(machine: Architecture) -> tuple[RegisterTile, ...]:
    """Tiles with about as many loads as multiply-adds: loads are what they wait for."""
    most = machine.vector_registers - 4
    return RegisterTile(most, 1), RegisterTile(most * 3 // 4, 1), RegisterTile(most // 2, 1)


def full_tiles(machine: Architecture) -> tuple[RegisterTile, ...]:
    """Tiles that fill the registers, so that their steps leave no gaps."""
    left = machine.vector_registers - 5
    return RegisterTile(left // 2, 2), RegisterTile(left // 4, 4)


def rates(machine: Architecture, cycles: Mapping[Probe, float]) -> Rates:
    """From cycles of one call of each probe.

    The load rate is the one with which RegisterTile.cycles predicts the measured steps (the median
    over tiles); the drain is what a full tile's ends cost more than a small one's.
    """

    def step(tile: RegisterTile) -> float:
        long, short = cycles[Probe(tile, LONG)], cycles[Probe(tile, SHORT)]
        return (long - short) / ((LONG - SHORT) * CALLS)

    def ends(tile: RegisterTile) -> float:
        return cycles[Probe(tile, SHORT)] / CALLS - SHORT * step(tile)

    loads = median(t.loads_per_cycle(machine, step(t)) for t in loading_tiles(machine))
    drain = median(ends(t) for t in full_tiles(machine)) - ends(SMALL)
    return Rates(loads, max(0.0, drain))
