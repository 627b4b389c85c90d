"""Predicted seconds of a schedule: multiply-adds, overhead, and bytes moved into each cache.

    seconds = max(compute + overhead + packing, L2, L3, memory) + OVERLAP * (the others)

The cycles of the microkernels come from their register tiles (`work`), the bytes from how often
each footprint is fetched again (`traffic`), in cache lines (`footprints`). The machine enters by
its description and its measured ceilings alone: no kernel of a problem is ever timed for this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil, prod

from compiler.cost.footprints import Footprint, NestLoop, nest_loops
from compiler.cost.traffic import Traffic
from compiler.cost.work import Work
from compiler.microkernel.contraction import Contraction, contraction
from compiler.problem.architecture import Architecture
from compiler.problem.primitive import Access, Primitive
from compiler.schedule.fit import layout_of
from compiler.schedule.layout import layout_from_tag
from compiler.schedule.schedule import Schedule

# Share of a transfer that is not hidden behind a longer one: the first lines of a tile, before the
# prefetchers run, and the last stores. Between 0 (all overlaps) and 1 (nothing does).
OVERLAP = 0.2
ASSUMED_GHZ = 3.0
ASSUMED_LINE = 64  # bytes
CROWDED = ("L1", "L2")  # caches that choose a set by the address as it is
HIDDEN = ("L2",)  # sources so near that execution out of order hides their latency
# Further lines that could have streamed in while waiting for a lone one: latency of L3 or memory
# (about 60 to 90 ns) over the time of a streamed line, divided by the lines that wait at once.
SCATTERED = 6.0
BYTES_PER_CYCLE = {"L2": 32.0, "L3": 10.0, "memory": 5.0}  # where no ceiling was measured


@dataclass(frozen=True)
class Estimate:
    """Predicted seconds, the parts they are made of, and the bytes that each level moves."""

    seconds: float
    parts: Mapping[str, float]
    moved: Mapping[str, float] = field(default_factory=dict)  # from L2, L3, memory

    @property
    def bound(self) -> str:
        """What takes longest: compute, overhead (packing included), L2, L3 or memory."""
        overhead = self.parts.get("overhead", 0.0) + self.parts.get("packing", 0.0)
        compute = self.parts.get("compute", 0.0)
        transfers = {name: self.parts[name] for name in self.parts if name in BYTES_PER_CYCLE}
        if max(transfers.values(), default=0.0) > compute + overhead:
            return max(transfers, key=lambda name: transfers[name])
        return "overhead" if overhead > compute else "compute"


class Roofline:
    """The model for one nest on one machine; estimates are independent of each other."""

    def __init__(self, nest: Primitive, machine: Architecture) -> None:
        self.nest, self.machine = nest, machine
        lanes = machine.vector_length
        per_cycle = 2 * machine.fma_per_cycle * lanes
        self.hertz = (machine.peak / per_cycle if machine.peak else ASSUMED_GHZ) * 1e9
        self._reduction = nest.statements[0].reduction_loops
        self._extents = dict(nest.extents)
        self._line = machine.caches[0].line if machine.caches else ASSUMED_LINE
        # What many schedules of a nest share is worked out once.
        self._work = Work(nest, machine)
        self._roles: dict[str, Contraction] = {}
        self._footprints: dict[tuple[Access, str | None], Footprint] = {}

    def estimate(self, schedule: Schedule, threads: int = 1) -> Estimate:
        """Predicted seconds of one call on `threads` cores."""
        if schedule.scheme == "scalar":
            seconds = self.nest.flops * 2 / self.hertz
            return Estimate(seconds, {"compute": seconds})
        loops = nest_loops(self.nest, schedule)
        roles = self._contraction(schedule)
        share = self._share(schedule, loops, threads)
        cycles = self._work.cycles(schedule, roles)
        parts = {
            "compute": cycles.compute * share / self.hertz,
            "overhead": cycles.overhead * share / self.hertz,
        }
        moved = self._bytes(schedule, roles, loops)
        for level, size in moved.items():
            shared = share if level != "memory" else max(share, 0.5)
            parts[level] = size * shared / self._bandwidth(level)
        if schedule.pack:
            parts["packing"] = self._packing(schedule) * share
        return Estimate(_combined(parts), parts, moved)

    def _share(self, schedule: Schedule, loops: list[NestLoop], threads: int) -> float:
        """Part of the work that the busiest thread does."""
        if not schedule.parallel:
            return 1.0
        pieces = prod(ceil(x.trips) for x in loops if x.name in schedule.parallel)
        return -(-pieces // threads) / pieces

    def _contraction(self, schedule: Schedule) -> Contraction:
        vector = schedule.vector[0]
        if vector not in self._roles:
            self._roles[vector] = contraction(self.nest, vector)
        return self._roles[vector]

    def _bytes(
        self, schedule: Schedule, roles: Contraction, loops: list[NestLoop]
    ) -> dict[str, float]:
        """Bytes that one call moves out of each level, from L2 to memory."""
        read = (roles.vector_operand, roles.broadcast_operand)
        traffic = Traffic(
            loops,
            self._extents,
            [self._footprint(schedule, access) for access in read],
            self._footprint(schedule, roles.output),
            len(schedule.outer_levels(self._reduction)),
            schedule.nontemporal,
        )
        moved: dict[str, float] = {}
        sources = [*(level.name for level in self.machine.caches[1:]), "memory"]
        for cache, source in zip(self.machine.caches, sources, strict=False):  # or no cache at all
            streamed = 1.0 if source == "memory" else 0.0
            moved[source] = self._line * traffic.moved(
                cache.bytes / self._line,
                cache.name in CROWDED,
                0.0 if source in HIDDEN else SCATTERED,
                streamed if schedule.nontemporal else None,
            )
        return moved

    def _footprint(self, schedule: Schedule, access: Access) -> Footprint:
        tag = dict(schedule.pack).get(access.tensor) or dict(schedule.layout).get(access.tensor)
        key = (access, tag)
        if key not in self._footprints:
            nest = self.nest
            shape = nest.tensor(access.tensor).shape
            layout = (
                layout_from_tag(tag, shape) if tag else layout_of(nest, schedule, access.tensor)
            )
            self._footprints[key] = Footprint(nest, access, layout, self._line)
        return self._footprints[key]

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
