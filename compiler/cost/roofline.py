"""Predicted seconds of a schedule: multiply-adds, overhead, and bytes moved into each cache.

    seconds = max(compute + overhead, L2, L3, memory) + overlap * (the others)

The microkernel's cycles come from its register tile, bytes from the depth at which the nest fits
a cache (a tensor that does not change from one iteration to the next stays). Constants of the
machine are measured ceilings; nothing is fitted to kernels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from math import prod

from compiler.cost.footprints import OuterLoop, footprints, outer_loops
from compiler.problem.architecture import Architecture
from compiler.problem.primitive import Primitive
from compiler.schedule.contraction import contraction
from compiler.schedule.microkernel import RegisterTile
from compiler.schedule.schedule import Schedule, loop_of
from compiler.schedule.tile_class import Guard, guards
from compiler.schedule.tiling import register_tiles

CALL_CYCLES = 30.0  # entry, address computation and exit of one microkernel
LOOP_CYCLES = 8.0  # entry and mispredicted exit of its innermost loop
OVERLAP = 0.2  # share of a transfer that is not hidden behind a longer one
USABLE = 0.8  # of a cache: the rest goes to conflicts and neighbours
ASSUMED_GHZ = 3.0
BYTES_PER_CYCLE = {"L2": 32.0, "L3": 10.0, "memory": 5.0}  # where no ceiling was measured


@dataclass(frozen=True)
class Estimate:
    """Predicted seconds, and the parts they are made of."""

    seconds: float
    parts: Mapping[str, float]


class Roofline:
    """The model for one nest on one machine; estimates are independent of each other."""

    def __init__(self, nest: Primitive, machine: Architecture) -> None:
        self.nest, self.machine = nest, machine
        lanes = machine.vector_length
        per_cycle = 2 * machine.fma_per_cycle * lanes
        self.hertz = (machine.peak / per_cycle if machine.peak else ASSUMED_GHZ) * 1e9
        self._live: dict[tuple[Guard, ...], float] = {}

    def estimate(self, schedule: Schedule, threads: int = 1) -> Estimate:
        """Predicted seconds of one call on `threads` cores."""
        if schedule.scheme == "scalar":
            seconds = self.nest.flops * 2 / self.hertz
            return Estimate(seconds, {"compute": seconds})
        reduction = self.nest.statements[0].reduction_loops
        loops = outer_loops(self.nest, schedule, reduction)
        share = self._share(schedule, loops, threads)
        compute, overhead = self._cycles(schedule, reduction)
        parts = {"compute": compute * share / self.hertz, "overhead": overhead * share / self.hertz}
        for level, moved in self._bytes(schedule, loops).items():
            shared = share if level != "memory" else max(share, 0.5)
            parts[level] = moved * shared / self._bandwidth(level)
        if schedule.pack:
            parts["packing"] = self._packing(schedule) * share
        return Estimate(_combined(parts), parts)

    def _share(self, schedule: Schedule, loops: list[OuterLoop], threads: int) -> float:
        """Part of the work that the busiest thread does."""
        if not schedule.parallel:
            return 1.0
        pieces = prod(x.trips for x in loops if x.name in schedule.parallel)
        return -(-pieces // threads) / pieces

    def _cycles(self, schedule: Schedule, reduction: tuple[str, ...]) -> tuple[float, float]:
        """Cycles in multiply-adds, and around them."""
        inner = schedule.microkernel_levels(reduction)
        split = {loop_of(x): schedule.block_of(x) or 1 for x in schedule.outer_levels(reduction)}
        steps, visits = 1.0, 1.0
        for loop in reduction:
            extent = self.nest.extent(loop)
            visits *= -(-extent // split[loop]) if loop in split else 1
            steps *= extent
        innermost = inner[-1] if inner else ""
        entries = 1.0
        for loop in reduction:
            if loop != loop_of(innermost) and loop not in split:
                entries *= self.nest.extent(loop)
        blocks = [x for x in inner if loop_of(x) == loop_of(innermost) and x != innermost]
        if blocks:
            extent = split.get(loop_of(innermost), self.nest.extent(loop_of(innermost)))
            entries *= -(-extent // (schedule.block_of(blocks[-1]) or 1))
        live = self._live_share(schedule)
        runs, rest = [], 1
        for loop, extent in self.nest.extents:
            if loop in reduction:
                continue
            if loop == schedule.vector[0] or schedule.tile_of(loop) > 1:
                tiles = register_tiles(self.nest, schedule, loop)
                runs.append([(n, s, loop == schedule.vector[0]) for n, s in tiles])
            else:
                rest *= extent
        compute = overhead = 0.0
        for shape in product(*runs):
            count = rest * prod(n for n, _, _ in shape)
            vectors = prod(s for _, s, vector in shape if vector)
            tile = RegisterTile(prod(s for _, s, vector in shape if not vector), vectors)
            compute += count * steps * live * tile.cycles(self.machine)
            ends = CALL_CYCLES + entries * live * LOOP_CYCLES + tile.accumulators
            overhead += count * visits * (ends + (tile.accumulators if visits > 1 else 0))
        return compute, overhead

    def _live_share(self, schedule: Schedule) -> float:
        """Part of the taps that read inside the tensor; packed borders are all computed."""
        roles = contraction(self.nest, schedule.vector[0])
        if roles.broadcast_operand.tensor in dict(schedule.pack):
            return 1.0
        borders = guards(self.nest, roles.broadcast_operand)
        if borders not in self._live:
            share = 1.0
            for g in borders:
                points, taps = self.nest.extent(g.point), self.nest.extent(g.tap)
                live = sum(g.live(p, t) for p in range(points) for t in range(taps))
                share *= live / (points * taps)
            self._live[borders] = share
        return self._live[borders]

    def _bytes(self, schedule: Schedule, loops: list[OuterLoop]) -> dict[str, float]:
        """Bytes that one call moves out of each level, from L2 to memory."""
        roles = contraction(self.nest, schedule.vector[0])
        inside = [footprints(self.nest, access, loops) for access in roles.accesses]
        trips = [1]
        for outer in loops:
            trips.append(trips[-1] * outer.trips)
        moved: dict[str, float] = {}
        sources = [*(level.name for level in self.machine.caches[1:]), "memory"]
        for cache, source in zip(self.machine.caches, sources, strict=True):
            capacity = USABLE * cache.bytes / 4
            totals = [sum(column) for column in zip(*inside, strict=True)]
            fits = next((d for d, total in enumerate(totals) if total <= capacity), len(loops) + 1)
            moved[source] = 0.0
            if fits == 0:
                continue
            for access, elements in zip(roles.accesses, inside, strict=True):
                depth = fits - 1
                while depth > 0 and elements[depth - 1] == elements[depth]:
                    depth -= 1
                writes = 2 if access is roles.output else 1
                moved[source] += 4.0 * writes * elements[depth] * trips[depth]
        return moved

    def _packing(self, schedule: Schedule) -> float:
        """Seconds to copy the packed operands, an element every two cycles."""
        elements = sum(self.nest.tensor(name).elements for name, _ in schedule.pack)
        return 2 * elements / self.hertz

    def _bandwidth(self, source: str) -> float:
        """Bytes a second that one core reads from a level."""
        level = self.machine.cache(source)
        measured = level.bandwidth if level else self.machine.memory_bandwidth
        return measured * 1e9 if measured else BYTES_PER_CYCLE.get(source, 5.0) * self.hertz


def _combined(parts: Mapping[str, float]) -> float:
    """The longest of work and transfers, plus what the others do not hide."""
    work = parts["compute"] + parts["overhead"] + parts.get("packing", 0.0)
    transfers = [parts[name] for name in parts if name in BYTES_PER_CYCLE]
    every = sorted([work, *transfers])
    return every[-1] + OVERLAP * sum(every[:-1])
