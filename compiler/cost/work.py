"""Cycles of a schedule's microkernels when all operands are in the nearest cache."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import prod

from compiler.lower.border_classes import Guard, guards, tile_classes
from compiler.microkernel.contraction import Contraction
from compiler.microkernel.register_tile import RegisterTile
from compiler.problem.architecture import Architecture
from compiler.problem.primitive import Access, Primitive
from compiler.schedule.schedule import Schedule, loop_of

# Of one microkernel: address computation, entry and exit, which overlap with its neighbours' work.
CALL_CYCLES = 4.0
MOVE_CYCLES = 1.0  # to load and to store one accumulator of a cut reduction
ENTRY_CYCLES = 1.0  # of the innermost loop; its exit is predicted


@dataclass(frozen=True)
class Cycles:
    """Of one call on one core: multiply-adds with their loads, and what lies around them."""

    compute: float
    overhead: float


@dataclass(frozen=True)
class _Tiles:
    """Register tiles of a loop that cost the same: (taps, live points) of each group of taps."""

    count: int
    size: int
    groups: tuple[tuple[int, int], ...]
    vector: bool


class Work:
    """The cycles of one nest's schedules on one machine; what they share is worked out once."""

    def __init__(self, nest: Primitive, machine: Architecture) -> None:
        self.nest, self.machine = nest, machine
        self._reduction = nest.statements[0].reduction_loops
        self._borders: dict[Access, list[tuple[Guard, float]]] = {}
        self._shapes: dict[object, tuple[list[list[_Tiles]], int]] = {}
        self._known: dict[object, Cycles] = {}

    def cycles(self, schedule: Schedule, roles: Contraction) -> Cycles:
        inner = schedule.microkernel_levels(self._reduction)
        key = (schedule.vector, schedule.tile, inner, schedule.block, schedule.pack)
        if key not in self._known:
            self._known[key] = self._counted(schedule, roles, inner)
        return self._known[key]

    def _counted(self, schedule: Schedule, roles: Contraction, inner: tuple[str, ...]) -> Cycles:
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
        live, grouped = self._live_share(schedule, roles)
        whole = steps // prod(self.nest.extent(g.tap) for g in grouped)  # steps of one tap each
        shape = (schedule.vector, schedule.tile, grouped)
        if shape not in self._shapes:
            self._shapes[shape] = self._tiled(schedule, grouped)
        tiled, rest = self._shapes[shape]
        unaligned = _unaligned(roles, schedule.vector)
        compute = overhead = 0.0
        for classes in product(*tiled):
            count = rest * prod(c.count for c in classes)
            for groups in product(*(c.groups for c in classes)):
                taps = prod(n for n, _ in groups)
                vectors = prod(s for c, (_, s) in zip(classes, groups, strict=True) if c.vector)
                points = prod(s for c, (_, s) in zip(classes, groups, strict=True) if not c.vector)
                tile = RegisterTile(points, vectors)
                compute += count * taps * whole * live * tile.cycles(self.machine, unaligned)
            accumulators = prod(c.size for c in classes)
            loops = prod(len(c.groups) for c in classes)
            ends = self._ends(accumulators, visits > 1) + entries * live * loops * ENTRY_CYCLES
            overhead += count * visits * ends
        return Cycles(compute, overhead)

    def _ends(self, accumulators: int, cut: bool) -> float:
        """Cycles around one microkernel.

        Multiply-adds of neighbouring tiles overlap while latency leaves gaps; a tile that needs
        every issue slot starts only after the last one has left: the machine's `drain_cycles`,
        whatever the length of the reduction.
        """
        full = accumulators > self.machine.fma_latency * self.machine.fma_per_cycle + 1
        moves = 2 * accumulators * MOVE_CYCLES if cut else 0.0
        return CALL_CYCLES + (self.machine.drain_cycles if full else 0.0) + moves

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

    def _live_share(
        self, schedule: Schedule, roles: Contraction
    ) -> tuple[float, tuple[Guard, ...]]:
        """Part of the taps that tiles of one point read, and the borders of larger tiles.

        Borders of a packed operand are all computed.
        """
        access = roles.broadcast_operand
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
        return guard.live_pairs(points, taps) / (points * taps)


def _unaligned(roles: Contraction, vector: tuple[str, int]) -> bool:
    """Whether vectors start anywhere: their index moves with other loops, or by a constant."""
    for index in roles.vector_operand.indices:
        if vector[0] in index.loops:
            others = [c for loop, c in index.terms if loop != vector[0]]
            return any(c % vector[1] for c in (*others, index.constant))
    return False
