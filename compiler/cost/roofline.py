"""Predicted seconds of a schedule: multiply-adds, overhead, and bytes moved into each cache.

    seconds = max(compute + overhead + packing, L2, L3, memory) + OVERLAP * (the others)

What is fetched ahead is none of the others: it has come before anything waits for it.
The cycles of the microkernels come from their register tiles (`work`), the bytes from how often
each footprint is fetched again (`traffic`), in cache lines (`footprints`). The machine enters by
its description and its measured ceilings alone: no kernel of a problem is ever timed for this.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, prod

from compiler.cost.footprints import PAGE, Footprint, NestLoop, nest_loops
from compiler.cost.own_roofline import SHARING
from compiler.cost.shared_levels import left_by_others
from compiler.cost.traffic import NOTHING, Traffic
from compiler.cost.work import SCALAR_CYCLES, Work
from compiler.lower.ahead import next_piece, operands_ahead, tile_offsets
from compiler.lower.lowered import lowered
from compiler.lower.operands import Operands, Summand, operands, streamed
from compiler.lower.stages import executed
from compiler.lower.tree import Leaf, Microkernel, Path, Scalar, Tree
from compiler.microkernel.contraction import Contraction, contraction
from compiler.problem.architecture import Architecture
from compiler.problem.dtypes import F32
from compiler.problem.primitive import Access, Primitive, operations_of
from compiler.schedule.layout import layout_of
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
# Rows that a register tile reads at once from one place of different pages share sets of a cache
# and its prefetchers' attention: each further one lengthens the transfers (by 5 to 10 % on Zen 5).
ALIASED = 0.07
# Seconds until all threads have started on a loop and the last one has ended: 1 to 10 us in the
# EPCC microbenchmarks of OpenMP (Bull, EWOMP 1999), from two to some dozen threads.
WAKING = 2e-6
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
        per_cycle = 2 * machine.fma_per_cycle * machine.lanes(F32)  # as the peak counts
        self.hertz = (machine.peak / per_cycle if machine.peak else ASSUMED_GHZ) * 1e9
        self._extents = dict(nest.extents)
        self._line = machine.caches[0].line if machine.caches else ASSUMED_LINE
        # What many schedules of a nest share is worked out once.
        self._work = Work(machine)
        self._roles: dict[tuple[int, str], Contraction] = {}
        self._placed: dict[object, Operands] = {}
        self._footprints: dict[object, Footprint] = {}
        self._pieces: dict[object, float] = {}

    def estimate(self, schedule: Schedule, threads: int = 1) -> Estimate:
        """Predicted seconds of one call on `threads` cores: bands one after another."""
        tree = lowered(self.nest, schedule)
        paths = tree.paths()
        loops = [nest_loops(path) for path in paths]
        traffic = [self._traffic(tree, *own) for own in zip(paths, loops, strict=True)]
        left: Sequence[Mapping[str, float]] = [NOTHING] * len(paths)
        if any(path.around for path in paths):
            left = left_by_others(paths, traffic)
        found = [
            self._leaf(tree, path, own, threads, *self._moved(path.leaf, moves, held))
            for path, own, moves, held in zip(paths, loops, traffic, left, strict=True)
        ]
        if len(found) == 1:
            return found[0]
        parts: dict[str, float] = {}
        moved: dict[str, float] = {}
        for one in found:
            for total, own_parts in ((parts, one.parts), (moved, one.moved)):
                for name, value in own_parts.items():
                    total[name] = total.get(name, 0.0) + value
        return Estimate(sum(one.seconds for one in found), parts, moved)

    def _leaf(
        self,
        tree: Tree,
        path: Path,
        loops: Sequence[NestLoop],
        threads: int,
        moved: Mapping[str, float],
        ahead: Mapping[str, float],
    ) -> Estimate:
        """One band, by itself; `moved` are the bytes that it moves, `ahead` those fetched ahead."""
        leaf = path.leaf
        share = _share(loops, threads)
        around = self._combining(tree, path, threads)
        if threads > 1:
            around += _regions(path, loops) * WAKING
        compute = overhead = packing = 0.0
        if not isinstance(leaf, Microkernel):
            compute = self._scalar_cycles(tree, path)
        elif leaf.form.sums:
            roles = self._contraction(leaf)
            fetches = self._fetches(tree, path, leaf)
            cycles = self._work.cycles(tree, path, leaf, roles, fetches)
            compute, overhead = cycles.compute, cycles.overhead
            packing = self._packing(tree) if tree.pack else 0.0
        placed = self._operands(tree, leaf)
        if placed is not None and isinstance(leaf, Microkernel):
            if isinstance(placed.reduced, Summand):
                cycles = self._work.lane_sum(leaf, placed)
                compute, overhead = cycles.compute, cycles.overhead
            if placed.assignments:
                overhead += self._work.element_wise(leaf, placed)
        around += self._kept_rows(tree, path)
        pieces = self._whole_pieces(path)
        parts = {
            "compute": compute * pieces * share / self.hertz,
            "overhead": overhead * pieces * share / self.hertz + around,
        }
        longer = 1.0
        if isinstance(leaf, Microkernel):
            longer += ALIASED * (_aliased_rows(leaf, placed) - 1)
        hidden: dict[str, float] = {}
        for level, size in moved.items():
            shared = share if level != "memory" else max(share, 1 / SHARING)
            each = longer * shared / self._bandwidth(level)
            parts[level], hidden[level] = each * size, each * ahead.get(level, 0.0)
        if packing:
            parts["packing"] = packing * share
        return Estimate(_combined(parts, hidden), parts, moved)

    def _fetches(self, tree: Tree, path: Path, leaf: Microkernel) -> int:
        """Loads' worth of the prefetches in each step: one to find a line's row, one to ask."""
        if not leaf.ahead:
            return 0
        total = 0
        for address, level in operands_ahead(path, leaf, self._placed_of(tree, leaf)):
            piece = next_piece(path, leaf, address, level, tile_offsets(leaf, address))
            total += piece.each_step * (2 - piece.in_one_row)
        return total

    def _kept_rows(self, tree: Tree, path: Path) -> float:
        """Seconds to move the rows that pieces keep of what a leaf writes: loaded, stored in L2."""
        stages = map(
            tree.stage, {tree.nest.statements[n].target.tensor for n in path.leaf.statements}
        )
        kept = sum(stage.kept * stage.layout.dtype.bytes for stage in stages if stage is not None)
        if not kept:
            return 0.0
        pieces = prod(loop.trips for loop in nest_loops(path)[: len(path.around)])
        return 2 * kept * pieces / self._bandwidth("L2")

    def _whole_pieces(self, path: Path) -> float:
        """How many pieces of full size take as long as all those that an attached leaf runs in."""
        if not path.around:
            return 1.0
        key = path.around, path.regions, tuple(grain.extent for grain in path.leaf.grains)
        if key not in self._pieces:
            full = prod(grain.extent for grain in path.leaf.grains)
            self._pieces[key] = executed(path) / full
        return self._pieces[key]

    def _combining(self, tree: Tree, path: Path, threads: int) -> float:
        """Seconds to combine the copies of a sum: all are read, one is written.

        Another core has written them: they come from what the cores share.
        """
        if not path.private:
            return 0.0
        tensor = self.nest.tensor(tree.statement(path.leaf).target.tensor)
        size = (prod(path.copies) + 1) * tensor.bytes
        shared = (c.name for c in self.machine.caches if c.shared_by > 1 and size <= c.bytes)
        return size / self._bandwidth(next(shared, "memory")) / min(threads, self.machine.cores)

    def _scalar_cycles(self, tree: Tree, path: Path) -> float:
        """One operation after another."""
        statement = tree.statement(path.leaf)
        operations = operations_of(statement.value) + (statement.reduction is not None)
        return SCALAR_CYCLES * operations * prod(grain.extent for grain in path.leaf.grains)

    def _contraction(self, leaf: Microkernel) -> Contraction:
        key = (leaf.statement, leaf.vector)
        if key not in self._roles:
            self._roles[key] = contraction(self.nest, leaf.statement, leaf.vector)
        return self._roles[key]

    def _operands(self, tree: Tree, leaf: Leaf) -> Operands | None:
        """The operands of a microkernel that is more than a sum of products."""
        if not isinstance(leaf, Microkernel) or (not leaf.fused and leaf.form.sums):
            return None
        return self._placed_of(tree, leaf)

    def _placed_of(self, tree: Tree, leaf: Microkernel) -> Operands:
        key = (*_form(leaf), tree.layout, tree.pack, tree.stages)
        if key not in self._placed:
            self._placed[key] = operands(tree, leaf)
        return self._placed[key]

    def _traffic(self, tree: Tree, path: Path, loops: Sequence[NestLoop]) -> Traffic:
        """What a leaf touches inside each level around it."""
        leaf, statement = path.leaf, tree.statement(path.leaf)
        read: tuple[Access, ...] = tuple(dict.fromkeys(statement.reads))
        once: tuple[Access, ...] = ()
        written = statement.target
        if isinstance(leaf, Microkernel):
            read = ()
            if leaf.form.sums:
                roles = self._contraction(leaf)
                read = (roles.vector_operand, roles.broadcast_operand)
        placed = self._operands(tree, leaf)
        if placed is not None:
            if isinstance(placed.reduced, Summand):
                read = tuple(address.access for address in placed.reduced.reads)
            once = tuple(address.access for address in placed.reads)
            written, *others = (address.access for address in placed.stores or (placed.output,))
            once += tuple(others)
        return Traffic(
            loops,
            self._extents,
            [self._footprint(tree, access) for access in read],
            [self._footprint(tree, access) for access in once],
            self._footprint(tree, written),
            len(path.every) - (isinstance(leaf, Scalar) and bool(path.every)),
            isinstance(leaf, Microkernel) and leaf.nontemporal,
            not isinstance(leaf, Microkernel)
            or all(g.points == 1 for g in leaf.grains if not g.summed and g.loop != leaf.vector),
            leaf.vector if isinstance(leaf, Microkernel) else "",
            _depths(path),
        )

    def _moved(
        self, leaf: Leaf, traffic: Traffic, left: Mapping[str, float]
    ) -> tuple[dict[str, float], dict[str, float]]:
        """Bytes that one call moves out of each level, from L2 to memory; those fetched ahead."""
        nontemporal = isinstance(leaf, Microkernel) and leaf.nontemporal
        # between the stores of a contraction there is work enough that none waits
        sums = isinstance(leaf, Microkernel) and leaf.form.sums
        moved: dict[str, float] = {}
        ahead: dict[str, float] = {}
        sources = [*(level.name for level in self.machine.caches[1:]), "memory"]
        for cache, source in zip(self.machine.caches, sources, strict=False):  # or no cache at all
            streamed = 1.0 if source == "memory" else 0.0
            moved[source] = self._line * traffic.moved(
                cache.bytes / self._line,
                cache.name in CROWDED,
                0.0 if source in HIDDEN else SCATTERED,
                streamed if nontemporal else None,
                left,
                far=source == "memory",
                near=cache is self.machine.caches[0] and not sums,
            )
            if source == "memory":  # from nearer, execution out of order does as well
                lines = traffic.moved_ahead(cache.bytes / self._line, cache.name in CROWDED, left)
                ahead[source] = self._line * lines
        return moved, ahead

    def _footprint(self, tree: Tree, access: Access) -> Footprint:
        tag = dict(tree.pack).get(access.tensor)
        stage = tree.stage(access.tensor)
        key = (access, tag or dict(tree.layout).get(access.tensor), stage)
        if key not in self._footprints:
            tensor = self.nest.tensor(access.tensor)
            layout = layout_of(tensor, tag) if tag else tree.layout_of(access.tensor)
            self._footprints[key] = Footprint(access, layout, self._line)
        return self._footprints[key]

    def _packing(self, tree: Tree) -> float:
        """Seconds to copy the packed operands, an element every two cycles."""
        elements = sum(self.nest.tensor(name).elements for name, _ in tree.pack)
        return 2 * elements / self.hertz

    def _bandwidth(self, source: str) -> float:
        """Bytes a second that one core reads from a level."""
        level = self.machine.cache(source)
        measured = level.bandwidth if level else self.machine.memory_bandwidth
        return measured * 1e9 if measured else BYTES_PER_CYCLE.get(source, 5.0) * self.hertz


def _aliased_rows(leaf: Microkernel, placed: Operands | None) -> int:
    """Points of a register tile whose vectors lie whole pages apart, where lanes lie across."""
    if not leaf.form.across or placed is None or placed.reduced is None:
        return 1
    rows = [1]
    for address in streamed(leaf, placed.reduced):
        size = address.layout.dtype.bytes
        points = [g for g in leaf.grains if not g.summed and g.points > 1]
        apart = [g.points for g in points if address.coefficient(g.loop, 1) * size % PAGE == 0]
        rows.append(prod(apart))
    return max(rows)


def _regions(path: Path, loops: Sequence[NestLoop]) -> float:
    """How often threads start on a band together: in each iteration around its parallel levels."""
    first = next((k for k, loop in enumerate(loops) if loop.parallel), None)
    if first is None or first < len(path.around):  # then on that of another statement
        return 0.0
    return prod(loop.trips for loop in loops[:first]) + bool(path.private)


def _form(leaf: Microkernel) -> tuple[object, ...]:
    """What its operands depend on, beside where they lie."""
    return leaf.statement, leaf.vector, leaf.lanes, leaf.fused


def _share(loops: Sequence[NestLoop], threads: int) -> float:
    """Part of the work that the busiest thread does."""
    shared = [loop for loop in loops if loop.parallel]
    pieces = prod(ceil(loop.trips) for loop in shared)
    return -(-pieces // threads) / pieces if shared else 1.0


def _depths(path: Path) -> dict[str, int]:
    """By tensor that is fetched ahead, how many levels are around one piece of it."""
    if not isinstance(path.leaf, Microkernel):
        return {}
    own = {level.name: len(path.around) + place for place, level in enumerate(path.loops, 1)}
    return {tensor: own[level] for tensor, level in path.leaf.ahead if level in own}


def _combined(parts: Mapping[str, float], hidden: Mapping[str, float]) -> float:
    """The longest of work and transfers, plus what the others do not hide."""
    work = parts["compute"] + parts["overhead"] + parts.get("packing", 0.0)
    transfers = [(parts[name], hidden[name]) for name in parts if name in BYTES_PER_CYCLE]
    *others, (longest, _) = sorted([(work, 0.0), *transfers])
    return longest + OVERLAP * sum(part - ahead for part, ahead in others)
