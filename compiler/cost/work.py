"""Cycles of a schedule's microkernels when all operands are in the nearest cache."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

from compiler.cost.own_roofline import cost_of, is_call, kept_operations
from compiler.lower.addressing import Address
from compiler.lower.border_classes import Border, borders, tile_classes
from compiler.lower.edges import anywhere, apart, crossing, vector_loads
from compiler.lower.operands import Operands, Summand, whole
from compiler.lower.tree import Grain, Microkernel, Path, Tree
from compiler.microkernel.contraction import Contraction
from compiler.microkernel.register_tile import RegisterTile, dividing_tile, joined
from compiler.problem.architecture import Architecture
from compiler.problem.primitive import Access, Expression, operations_of, reads_of

# Of one microkernel: address computation, entry and exit, which overlap with its neighbours' work.
CALL_CYCLES = 4.0
LINE = 64  # bytes
MOVE_CYCLES = 1.0  # to load and to store one accumulator of a cut reduction
CROSSED = 3.0  # loads that the bounds of one are worth, in a tile that crosses an edge
ENTRY_CYCLES = 1.0  # of the innermost loop; its exit is predicted
SCALAR_CYCLES = 2.0  # of an operation on numbers, each waiting for the last one's result


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

    def __init__(self, machine: Architecture) -> None:
        self.machine = machine
        self._borders: dict[Access, list[tuple[Border, float]]] = {}
        self._shapes: dict[object, tuple[list[list[_Tiles]], int]] = {}
        self._known: dict[object, Cycles] = {}

    def cycles(
        self, tree: Tree, path: Path, leaf: Microkernel, roles: Contraction, fetches: int = 0
    ) -> Cycles:
        """The cycles of a leaf, which ends the path; `roles` are those of its operands.

        In each step `fetches` loads' worth of prefetches are issued.
        """
        split = tuple((level.loop, level.step) for level in path.cut)
        parts = self._parts(tree, leaf, roles)
        key = (leaf.statement, leaf.form, leaf.grains, leaf.vector, leaf.levels, split, tree.pack)
        if (key, parts, fetches) not in self._known:
            found = self._counted(tree, dict(split), leaf, roles, parts, fetches)
            self._known[key, parts, fetches] = found
        return self._known[key, parts, fetches]

    def element_wise(self, leaf: Microkernel, placed: Operands) -> float:
        """Cycles of what a leaf computes element by element: its operations, or its loads.

        Sums in registers are there already; with nothing summed there are stores as well, and the
        end of each register tile.
        """
        vectors = 1
        for grain in (grain for grain in leaf.grains if not grain.summed):
            vectors *= -(-grain.extent // grain.lanes)
        if leaf.form.across:  # on numbers, which the lanes were joined to
            numbers = sum(operations_of(one.value) for one in placed.assignments)
            return vectors * numbers * SCALAR_CYCLES
        sizes = {g.loop: g.runs[0][1] for g in leaf.grains if not g.summed}
        tile = prod(sizes.values())
        operations = sum(_operations(one.value, sizes) for one in placed.assignments)
        moved = (*placed.reads, *(() if placed.reduced else placed.stores))
        loads = 0.0
        for one in moved:
            each = vector_loads(leaf, one) + _asked(leaf, placed, one)
            loads += each * prod(n for loop, n in sizes.items() if one.uses(loop))
        busy = max(operations / self.machine.fma_per_cycle, loads / self.machine.loads_per_cycle)
        calls = 0.0 if placed.reduced else CALL_CYCLES
        rows = vectors / -(-leaf.grain(leaf.vector).extent // leaf.lanes)
        single = self._single(leaf, moved) / self.machine.loads_per_cycle
        return _kept(leaf, placed) * (vectors / tile * (busy + calls) + rows * single)

    def lane_sum(self, leaf: Microkernel, placed: Operands) -> Cycles:
        """The cycles of a reduction of any expression, all of whose operands are read in lanes.

        Of a sliding window, whose innermost loop is printed whole, each element is loaded once.
        Where lanes lie across the reduction they are joined at the end of each register tile.
        """
        reduced = placed.reduced
        assert isinstance(reduced, Summand)
        vector = leaf.grain(leaf.vector)
        outputs = [grain for grain in leaf.grains if not grain.summed]
        innermost = leaf.levels[-1].loop if leaf.levels else ""
        live = prod(_live(b, leaf.grain(b.point).extent) for b in reduced.borders)
        steps = live * prod(
            -(-g.extent // g.lanes) / g.runs[0][1] if g is vector else g.extent
            for g in leaf.grains
            if g.summed
        )
        entries = prod(g.extent for g in leaf.grains if g.summed and g.loop != innermost)
        single = self._single(leaf, reduced.reads) / self.machine.loads_per_cycle
        compute = overhead = 0.0
        for runs in product(*(grain.runs for grain in outputs)):
            tiles = prod(n for n, _ in runs)
            sizes = {g.loop: size for g, (_, size) in zip(outputs, runs, strict=True)}
            vectors = sizes.pop(leaf.vector, vector.runs[0][1])
            compute += tiles * steps * self._lane_step(leaf, placed, sizes, vectors)
            ends = CALL_CYCLES + entries * ENTRY_CYCLES
            for address in (one for one in reduced.reads if _stays(leaf, one)):
                points = prod(n for loop, n in sizes.items() if address.uses(loop))
                moves = points * vectors * vector_loads(leaf, address)
                ends += moves / self.machine.loads_per_cycle
            if leaf.form.across:
                ends += self._joining(leaf.lanes, vectors, prod(sizes.values()))
            if reduced.accumulate:
                ends += 2 * vectors * prod(sizes.values()) * MOVE_CYCLES
            overhead += tiles * ends
        rows = prod(g.count for g in outputs if g is not vector)
        each = 1.0 if vector.summed else steps  # remainders of a reduction come once a tile
        kept = _kept(leaf, placed)
        return Cycles(kept * (compute + rows * each * single), kept * overhead)

    def _lane_step(
        self, leaf: Microkernel, placed: Operands, points: Mapping[str, int], vectors: int
    ) -> float:
        """Cycles of one step of the reduction for a register tile."""
        reduced = placed.reduced
        assert isinstance(reduced, Summand)
        innermost = leaf.levels[-1].loop if leaf.levels else ""
        taps = leaf.grain(innermost).extent if leaf.unroll > 1 and innermost else 1
        taps = 1 if leaf.form.across else taps
        loads = 0.0
        for address in reduced.reads:
            if _stays(leaf, address):
                continue
            each = vectors * _vector(leaf, address) if address.uses(leaf.vector) else 1
            own = each + vectors * _asked(leaf, placed, address)
            loads += own * _distinct(address.access, points, innermost, taps) / taps
        sizes = {**points, leaf.vector: vectors}
        operations = prod(sizes.values()) + _operations(reduced.value, sizes)
        if reduced.reduction == "add" and is_call(reduced.value, "mul"):
            operations -= _moved(reduced.value, sizes)  # the product is part of a multiply-add
        return joined(
            operations / self.machine.fma_per_cycle,
            loads / self.machine.loads_per_cycle,
            float(self.machine.fma_latency),
        )

    def _parts(self, tree: Tree, leaf: Microkernel, roles: Contraction) -> tuple[int, int]:
        """Moves beyond one that the last vector of a contraction takes: to load it, to store it."""
        remainder = leaf.grain(leaf.vector).extent % leaf.lanes
        if self.machine.masked or not remainder or leaf.form.library:
            return 0, 0
        found = []
        for access in (roles.vector_operand, roles.statement.target):
            packed = access.tensor in dict(tree.pack)
            address = Address(access, tree.layout_of(access.tensor))
            found.append(0 if packed else self._single(leaf, (address,)))
        return found[0], found[1]

    def _single(self, leaf: Microkernel, moved: Sequence[Address]) -> int:
        """Moves beyond one each that the last vectors of operands take: lane by lane, where the
        machine has no masks. With masks a remainder costs what one vector does."""
        lanes = leaf.grain(leaf.vector).extent % leaf.lanes
        if self.machine.masked or lanes < 2:
            return 0
        partial = [one for one in moved if one.uses(leaf.vector) and not whole(leaf, one)]
        return (lanes - 1) * len(partial)

    def _joining(self, lanes: int, vectors: int, points: int) -> float:
        """Cycles to join the accumulators of each point, then their lanes: a shuffle and a step.

        Points do not wait for each other.
        """
        halvings = lanes.bit_length() - 1
        each = (vectors - 1 + 2 * halvings) / self.machine.fma_per_cycle
        latency = (vectors.bit_length() - 1 + 2 * halvings) * self.machine.fma_latency
        return points * each + latency

    def _counted(
        self,
        tree: Tree,
        split: Mapping[str, int],
        leaf: Microkernel,
        roles: Contraction,
        parts: tuple[int, int],
        fetches: int,
    ) -> Cycles:
        """`split` gives the step of each reduction loop that is cut around the microkernel."""
        steps, visits, entries = 1, 1, 1
        innermost = leaf.levels[-1].loop if leaf.levels else ""
        reduction = roles.statement.reduction_loops
        for loop in reduction:
            extent = leaf.grain(loop).extent
            steps *= extent
            visits *= -(-extent // split[loop]) if loop in split else 1
            entries *= extent if loop != innermost and loop not in split else 1
        blocks = [level.step for level in leaf.levels[:-1] if level.loop == innermost]
        if blocks:
            points = split.get(innermost, leaf.grain(innermost).extent)
            entries *= -(-points // blocks[-1])
        live, grouped = self._live_share(tree, leaf, roles)
        tap_steps = steps // prod(border.taps for border in grouped)  # steps of one tap each
        shape = (leaf.grains, leaf.vector, grouped)
        if shape not in self._shapes:
            outputs = [grain for grain in leaf.grains if not grain.summed]
            self._shapes[shape] = _tiled(outputs, leaf.vector, grouped)
        tiled, rest = self._shapes[shape]
        unaligned = _unaligned(roles, leaf.vector, leaf.lanes)
        compute = overhead = 0.0
        for classes in product(*tiled):
            count = rest * prod(c.count for c in classes)
            for groups in product(*(c.groups for c in classes)):
                taps = prod(n for n, _ in groups)
                vectors = prod(s for c, (_, s) in zip(classes, groups, strict=True) if c.vector)
                points = prod(s for c, (_, s) in zip(classes, groups, strict=True) if not c.vector)
                cycles = self._step(leaf, points, vectors, unaligned, fetches)
                compute += count * taps * tap_steps * live * cycles
            accumulators = prod(c.size for c in classes)
            loops = prod(len(c.groups) for c in classes)
            ends = self._ends(leaf, accumulators, visits > 1)
            ends += entries * live * loops * ENTRY_CYCLES
            overhead += count * visits * ends
        loaded, stored = parts
        tiles = rest * prod(sum(c.count for c in one) for one in tiled if not one[0].vector)
        compute += tiles * steps * live * loaded / self.machine.loads_per_cycle
        outputs = [g for g in leaf.grains if not g.summed and g.loop != leaf.vector]
        overhead += visits * prod(g.extent for g in outputs) * stored * MOVE_CYCLES
        return Cycles(compute, overhead)

    def _step(
        self, leaf: Microkernel, points: int, vectors: int, unaligned: bool, fetches: int
    ) -> float:
        """Cycles of one reduction step of a tile.

        A library cuts its tile as it is best cut, and is never faster than it was measured to be.
        """
        if not leaf.form.library or not points:
            return RegisterTile(points, vectors).cycles(self.machine, unaligned, fetches)
        tile = dividing_tile(self.machine, points, vectors)
        cut = points * vectors / tile.accumulators * tile.cycles(self.machine, unaligned)
        rate = self.machine.product(leaf.form.library)
        return cut if rate is None else max(cut, rate.step_cycles(points, vectors))

    def _ends(self, leaf: Microkernel, accumulators: int, cut: bool) -> float:
        """Cycles around one microkernel, or around one product of a library that was measured.

        Multiply-adds of neighbouring tiles overlap while latency leaves gaps; a tile that needs
        every issue slot starts only after the last one has left: the machine's `drain_cycles`,
        whatever the length of the reduction.
        """
        full = accumulators > self.machine.fma_latency * self.machine.fma_per_cycle + 1
        moves = 2 * accumulators * MOVE_CYCLES if cut else 0.0
        rate = self.machine.product(leaf.form.library)
        if rate is not None:
            return rate.call_cycles + moves
        return CALL_CYCLES + (self.machine.drain_cycles if full else 0.0) + moves

    def _live_share(
        self, tree: Tree, leaf: Microkernel, roles: Contraction
    ) -> tuple[float, tuple[Border, ...]]:
        """Part of the taps that tiles of one point read, and the borders of larger tiles.

        Borders of a packed operand are all computed.
        """
        access = roles.broadcast_operand
        if access.tensor in dict(tree.pack):
            return 1.0, ()
        if access not in self._borders:
            found = borders(tree.nest, roles.statement, access)
            self._borders[access] = [(b, _live(b, leaf.grain(b.point).extent)) for b in found]
        at = [(b, share, leaf.grain(b.point).points) for b, share in self._borders[access]]
        single = [share for _, share, points in at if points == 1]
        return prod(single), tuple(b for b, _, points in at if points > 1)


def _operations(value: Expression, sizes: Mapping[str, int]) -> float:
    """Vector operations of an expression on a register tile: once for all points that share it."""
    calls = dict.fromkeys(kept_operations(value))
    return sum(cost_of(call) * _moved(call, sizes) for call in calls)


def _moved(value: Expression, sizes: Mapping[str, int]) -> int:
    """Points and vectors between which what a value reads differs."""
    loops = {loop for access in reads_of(value) for loop in access.loops}
    return prod(n for loop, n in sizes.items() if loop in loops)


def _stays(leaf: Microkernel, address: Address) -> bool:
    """Whether an operand is read once for a whole reduction: its elements lie apart."""
    inside = any(address.uses(grain.loop) for grain in leaf.grains if grain.summed)
    return vector_loads(leaf, address) > 1 and not inside


def _vector(leaf: Microkernel, address: Address) -> float:
    """Loads' worth of a vector of an operand: more where it crosses into a second line.

    Vectors that start anywhere do, as often as their width says.
    """
    loads = vector_loads(leaf, address)
    if apart(leaf, address) != 1 or not anywhere(address, leaf.vector, leaf.lanes):
        return loads
    return loads * (1 + leaf.lanes * address.layout.dtype.bytes / LINE)


def _asked(leaf: Microkernel, placed: Operands, address: Address) -> float:
    """Loads' worth of asking whether a read is inside, a vector: in the tiles that cross an edge.

    There a load of some lanes takes its bounds; lanes that lie apart are read one by one.
    """
    edge = placed.edge(address.access)
    if edge is None:
        return 0.0
    share = min(1.0, sum(crossing(leaf.grains, question) for question in edge.questions))
    along = any(leaf.vector in index.loops for index, _ in edge.questions)
    lanes = leaf.lanes if along and apart(leaf, address) != 1 else 1
    return share * CROSSED * lanes


def _tiled(
    outputs: Sequence[Grain], vector: str, grouped: Sequence[Border]
) -> tuple[list[list[_Tiles]], int]:
    """Classes of each register-tiled loop; iterations of the other loops."""
    tiled, rest = [], 1
    for grain in outputs:
        if grain.loop != vector and grain.points == 1:
            rest *= grain.extent
            continue
        border = next((b for b in grouped if b.point == grain.loop), None)
        found = []
        for c in tile_classes(grain, border, False):
            if c.varying is not None and c.size < c.step:
                continue  # the rest of a piece, counted as a whole tile
            groups: tuple[tuple[int, int], ...] = ((1, c.size),)
            if c.taps is not None:
                groups = tuple((g.high - g.low, len(g.live)) for g in c.taps)
            found.append(_Tiles(c.last - c.first, c.size, groups, grain.loop == vector))
        tiled.append(found)
    return tiled, rest


def _kept(leaf: Microkernel, placed: Operands) -> float:
    """Part of a leaf's iterations that write inside the target."""
    extents = {grain.loop: grain.extent for grain in leaf.grains}
    return prod(crop.kept(extents) for crop in placed.crops)


def _live(border: Border, points: int) -> float:
    """Part of a border's (point, tap) pairs that read inside the tensor."""
    return border.live_pairs(points) / (points * border.taps)


def _distinct(access: Access, points: Mapping[str, int], tap: str, taps: int) -> float:
    """Elements along the points of a tile that all taps of the innermost loop read."""
    total = 1.0
    for index in access.indices:
        reach, count, moved = 1, 1, 0
        for loop, step in index.terms:
            size = taps if loop == tap else points.get(loop, 1)
            reach, count = reach + (size - 1) * abs(step), count * size
            moved += size > 1
        total *= min(reach, count) if moved > 1 else count
    return total


def _unaligned(roles: Contraction, vector: str, lanes: int) -> bool:
    """Whether vectors start anywhere: their index moves with other loops, or by a constant."""
    for index in roles.vector_operand.indices:
        if vector in index.loops:
            others = [c for loop, c in index.terms if loop != vector]
            return any(c % lanes for c in (*others, index.constant))
    return False
