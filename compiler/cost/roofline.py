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

from compiler.cost.footprints import Footprint, OuterLoop, outer_loops
from compiler.problem.architecture import Architecture
from compiler.problem.primitive import Access, Primitive
from compiler.schedule.contraction import Contraction, contraction
from compiler.schedule.microkernel import RegisterTile
from compiler.schedule.schedule import Schedule, loop_of
from compiler.schedule.tile_class import Guard, guards, tile_classes

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


@dataclass(frozen=True)
class _Tiles:
    """Register tiles of a loop that cost the same: (taps, live points) of each group of taps."""

    count: int
    size: int
    groups: tuple[tuple[int, int], ...]
    vector: bool


class Roofline:
    """The model for one nest on one machine; estimates are independent of each other."""

    def __init__(self, nest: Primitive, machine: Architecture) -> None:
        self.nest, self.machine = nest, machine
        lanes = machine.vector_length
        per_cycle = 2 * machine.fma_per_cycle * lanes
        self.hertz = (machine.peak / per_cycle if machine.peak else ASSUMED_GHZ) * 1e9
        self._reduction = nest.statements[0].reduction_loops
        # What many schedules of a nest share is worked out once.
        self._roles: dict[str, Contraction] = {}
        self._borders: dict[Access, list[tuple[Guard, float]]] = {}
        self._footprints: dict[Access, Footprint] = {}
        self._shapes: dict[object, tuple[list[list[_Tiles]], int]] = {}
        self._work: dict[object, tuple[float, float]] = {}

    def estimate(self, schedule: Schedule, threads: int = 1) -> Estimate:
        """Predicted seconds of one call on `threads` cores."""
        if schedule.scheme == "scalar":
            seconds = self.nest.flops * 2 / self.hertz
            return Estimate(seconds, {"compute": seconds})
        loops = outer_loops(self.nest, schedule, self._reduction)
        share = self._share(schedule, loops, threads)
        compute, overhead = self._cycles(schedule)
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

    def _contraction(self, schedule: Schedule) -> Contraction:
        vector = schedule.vector[0]
        if vector not in self._roles:
            self._roles[vector] = contraction(self.nest, vector)
        return self._roles[vector]

    def _cycles(self, schedule: Schedule) -> tuple[float, float]:
        """Cycles in multiply-adds, and around them."""
        inner = schedule.microkernel_levels(self._reduction)
        key = (schedule.vector, schedule.tile, inner, schedule.block, schedule.pack)
        if key not in self._work:
            self._work[key] = self._counted_cycles(schedule, inner)
        return self._work[key]

    def _counted_cycles(self, schedule: Schedule, inner: tuple[str, ...]) -> tuple[float, float]:
        outer = schedule.outer_levels(self._reduction)
        split = {loop_of(x): schedule.block_of(x) or 1 for x in outer}
        steps, visits, entries = 1, 1, 1
        innermost = loop_of(inner[-1]) if inner else ""
        for loop in self._reduction:
            extent = self.nest.extent(loop)
            steps *= extent
            visits *= -(-extent // split[loop]) if loop in split else 1
            entries *= extent if loop != innermost and loop not in split else 1
        blocks = [x for x in inner[:-1] if loop_of(x) == innermost]
        if blocks:
            points = split.get(innermost, self.nest.extent(innermost))
            entries *= -(-points // (schedule.block_of(blocks[-1]) or 1))
        live, grouped = self._live_share(schedule)
        whole = steps // prod(self.nest.extent(g.tap) for g in grouped)  # steps of one tap each
        shape = (schedule.vector, schedule.tile, grouped)
        if shape not in self._shapes:
            self._shapes[shape] = self._tiled(schedule, grouped)
        tiled, rest = self._shapes[shape]
        compute = overhead = 0.0
        for classes in product(*tiled):
            count = rest * prod(c.count for c in classes)
            for groups in product(*(c.groups for c in classes)):
                taps = prod(n for n, _ in groups)
                vectors = prod(s for c, (_, s) in zip(classes, groups, strict=True) if c.vector)
                points = prod(s for c, (_, s) in zip(classes, groups, strict=True) if not c.vector)
                tile = RegisterTile(points, vectors)
                compute += count * taps * whole * live * tile.cycles(self.machine)
            moves = prod(c.size for c in classes) * (2 if visits > 1 else 1)
            loops = prod(len(c.groups) for c in classes)
            ends = CALL_CYCLES + entries * live * loops * LOOP_CYCLES + moves
            overhead += count * visits * ends
        return compute, overhead

    def _tiled(
        self, schedule: Schedule, grouped: tuple[Guard, ...]
    ) -> tuple[list[list[_Tiles]], int]:
        """Classes of each register-tiled loop; iterations of the other loops."""
        tiled, rest = [], 1
        for loop, extent in self.nest.extents:
            if loop in self._reduction:
                continue
            vector = loop == schedule.vector[0]
            if not vector and schedule.tile_of(loop) == 1:
                rest *= extent
                continue
            guard = next((g for g in grouped if g.point == loop), None)
            found = []
            for c in tile_classes(self.nest, schedule, loop, guard, False):
                groups: tuple[tuple[int, int], ...] = ((1, c.size),)
                if c.taps is not None:
                    groups = tuple((g.high - g.low, len(g.live)) for g in c.taps)
                found.append(_Tiles(c.last - c.first, c.size, groups, vector))
            tiled.append(found)
        return tiled, rest

    def _live_share(self, schedule: Schedule) -> tuple[float, tuple[Guard, ...]]:
        """Part of the taps that tiles of one point read, and the borders of larger tiles.

        Borders of a packed operand are all computed.
        """
        access = self._contraction(schedule).broadcast_operand
        if access.tensor in dict(schedule.pack):
            return 1.0, ()
        if access not in self._borders:
            self._borders[access] = [(g, self._live(g)) for g in guards(self.nest, access)]
        borders = self._borders[access]
        single = [share for g, share in borders if schedule.tile_of(g.point) == 1]
        return prod(single), tuple(g for g, _ in borders if schedule.tile_of(g.point) > 1)

    def _live(self, guard: Guard) -> float:
        """Part of a border's (point, tap) pairs that read inside the tensor."""
        points, taps = self.nest.extent(guard.point), self.nest.extent(guard.tap)
        live = sum(guard.live(p, t) for p in range(points) for t in range(taps))
        return live / (points * taps)

    def _bytes(self, schedule: Schedule, loops: list[OuterLoop]) -> dict[str, float]:
        """Bytes that one call moves out of each level, from L2 to memory."""
        roles = self._contraction(schedule)
        inside = [self._footprint(access).by_depth(loops) for access in roles.accesses]
        trips = [1]
        for outer in loops:
            trips.append(trips[-1] * outer.trips)
        moved: dict[str, float] = {}
        sources = [*(level.name for level in self.machine.caches[1:]), "memory"]
        for cache, source in zip(self.machine.caches, sources, strict=False):  # or no cache at all
            capacity = USABLE * cache.bytes / 4
            totals = [sum(column) for column in zip(*inside, strict=True)]
            fits = next((d for d, total in enumerate(totals) if total <= capacity), len(loops) + 1)
            moved[source] = 0.0
            if fits == 0:
                continue
            for access, elements in zip(roles.accesses, inside, strict=True):
                depth = fits - 1
                # What stays the same stays in the cache, unless one microkernel sweeps it all out.
                while 0 < depth < len(loops) and elements[depth - 1] == elements[depth]:
                    depth -= 1
                writes = 2 if access is roles.output else 1
                moved[source] += 4.0 * writes * elements[depth] * trips[depth]
        return moved

    def _footprint(self, access: Access) -> Footprint:
        if access not in self._footprints:
            self._footprints[access] = Footprint(self.nest, access)
        return self._footprints[access]

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
