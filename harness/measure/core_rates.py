"""What a core does in a cycle, as values: its ceilings, and how several looks at it become one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from compiler.problem.architecture import Architecture
from compiler.problem.dtypes import F32
from harness.measure.cache_steps import Curve
from harness.measure.probes import Probe, rates

AGREEMENT = 0.03  # two looks that differ by more are followed by another


@dataclass(frozen=True)
class CoreRates:
    """What a core does in a cycle; see the fields of these names in Architecture.

    `spread` is by how much two looks at it still differed, as a share.
    """

    fma_per_cycle: int
    fma_latency: int
    loads_per_cycle: float
    drain_cycles: float
    hertz: float
    spread: float

    @property
    def steady(self) -> bool:
        return self.spread <= AGREEMENT


@dataclass(frozen=True)
class Ceilings:
    """Of one core: GFLOP/s in fp32, a curve of read bandwidth, and rates by cycle."""

    peak: float
    curve: Curve
    core: CoreRates


@dataclass(frozen=True)
class Look:
    """One look at a core: seconds of a cycle, of a multiply-add that waits, of each probe."""

    operations: float  # a second
    cycle: float
    latency: float
    probes: tuple[float, ...]

    def times(self) -> tuple[float, ...]:
        """All of it as times: the less, the better the look."""
        return (1 / self.operations, self.cycle, self.latency, *self.probes)


def best_look(looks: Sequence[Look]) -> Look:
    """The least time of everything: disturbances only ever add to it."""
    work, cycle, latency, *probed = (min(times) for times in _columns(looks))
    return Look(1 / work, cycle, latency, tuple(probed))


def spread(looks: Sequence[Look]) -> float:
    """By how much the two best times of anything differ, at most; infinite after a single look."""
    if len(looks) < 2:
        return math.inf
    best = (sorted(times)[:2] for times in _columns(looks))
    return max(second / first - 1 for first, second in best)


def _columns(looks: Sequence[Look]) -> list[tuple[float, ...]]:
    return list(zip(*(one.times() for one in looks), strict=True))


def core_rates(
    machine: Architecture, probed: Sequence[Probe], look: Look, spread: float
) -> CoreRates:
    """In cycles what a look saw in seconds."""
    machine = replace(
        machine,
        fma_per_cycle=max(1, round(look.operations * look.cycle / (2 * machine.lanes(F32)))),
        fma_latency=max(1, round(look.latency / look.cycle)),
    )
    cycles = {p: s / look.cycle for p, s in zip(probed, look.probes, strict=True)}
    found = rates(machine, cycles)
    return CoreRates(
        machine.fma_per_cycle,
        machine.fma_latency,
        found.loads_per_cycle,
        found.drain_cycles,
        1 / look.cycle,
        spread,
    )
