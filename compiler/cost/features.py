"""What a tournament may look at in a schedule, by name: numbers that mean the same on any machine.

Seconds stand as logarithms of their ratio to what the operations take at the machine's peak, parts
of an estimate as shares of it, sizes and strides as logarithms. A value depends on the nest, one
schedule and the machine, never on what else is ranked, so that a model which was trained on one
host can be asked on another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from math import log, log1p, log2, prod

import numpy as np

from compiler.cost.footprints import PAGE
from compiler.cost.held_bytes import HeldBytes
from compiler.cost.roofline import Estimate, Roofline
from compiler.cost.tournament import Rows
from compiler.errors import ScheduleError
from compiler.lower.addressing import Address
from compiler.lower.lowered import lowered
from compiler.lower.tree import Grain, Level, Microkernel, Path, Tree
from compiler.microkernel.register_tile import RegisterTile
from compiler.problem.architecture import Architecture
from compiler.problem.primitive import Access, Primitive
from compiler.schedule.schedule import Schedule

LEVELS = ("L1", "L2", "L3", "memory")
LARGEST = 1000.0  # of any value: they are logarithms, shares and small numbers
LEAST = 1e-3  # ratio to the time at peak; of what computes nothing
LINE = 64  # bytes, of the strides
VECTOR, BROADCAST, TARGET = 0, 1, 2  # operands of a leaf


class Seen:
    """One schedule of a nest; what features ask for is worked out when the first of them does."""

    def __init__(self, rows: FeatureRows, schedule: Schedule) -> None:
        self.machine: Architecture = rows.machine
        self.schedule: Schedule = schedule
        self._rows = rows

    @cached_property
    def tree(self) -> Tree:
        return lowered(self._rows.nest, self.schedule)

    @cached_property
    def held(self) -> Mapping[str, int]:
        """Bytes of the paper's working sets in each level."""
        return self._rows.held.of(self.tree)

    @cached_property
    def estimate(self) -> Estimate:
        return self._rows.roofline.estimate(self.schedule, self._rows.threads)

    def share(self, part: str) -> float:
        """A part of the estimate, in its seconds."""
        return self.estimate.parts.get(part, 0.0) / self.estimate.seconds

    def over_peak(self, seconds: float) -> float:
        """The logarithm of the ratio to the time at peak."""
        return log(max(seconds / self._rows.at_peak, LEAST))

    @cached_property
    def path(self) -> Path:
        """The leaf of most iterations, with its loops."""
        return max(self.tree.paths(), key=lambda path: prod(g.extent for g in path.leaf.grains))

    @cached_property
    def kernel(self) -> Microkernel | None:
        leaf = self.path.leaf
        return leaf if isinstance(leaf, Microkernel) else None

    @cached_property
    def form(self) -> str:
        return "scalar" if self.kernel is None else self.kernel.form.name

    @cached_property
    def vector(self) -> str:
        """The loop that fills the lanes."""
        return "" if self.kernel is None else self.kernel.vector

    @cached_property
    def outputs(self) -> tuple[Grain, ...]:
        """The grains of loops that are not summed over."""
        return tuple(grain for grain in self.path.leaf.grains if not grain.summed)

    @cached_property
    def tiled(self) -> tuple[Grain, ...]:
        """Those among them of several points, but for the lanes."""
        return tuple(g for g in self.outputs if g.points > 1 and g.loop != self.vector)

    @cached_property
    def tile(self) -> RegisterTile:
        """The largest one of the leaf."""
        vectors = [g.runs[0][1] for g in self.path.leaf.grains if g.loop == self.vector]
        return RegisterTile(prod(g.points for g in self.tiled), prod(vectors))

    @cached_property
    def trips(self) -> dict[str, int]:
        """By level of the leaf's own loops, iterations in one of the levels around it."""
        grains = {grain.loop: grain for grain in self.path.leaf.grains}
        inside = {loop: grain.extent for loop, grain in grains.items()}
        found = {}
        for level in self.path.levels:
            points = max(1, min(level.points(grains[level.loop]), inside[level.loop]))
            found[level.name] = -(-inside[level.loop] // points)
            inside[level.loop] = points
        return found

    @cached_property
    def inner(self) -> tuple[Level, ...]:
        """The reduction levels that run while the tile is in registers."""
        return self.path.leaf.levels

    def operand(self, number: int) -> Access | None:
        """What is read in vectors, what is broadcast, or the target; None where there is none."""
        statement = self.tree.statement(self.path.leaf)
        if number == TARGET:
            return statement.target
        reads = [a for a in statement.reads if (self.vector in a.loops) == (number == VECTOR)]
        return reads[0] if reads else None

    def stride(self, number: int, loop: str, step: int = 1) -> float:
        """Doublings of a cache line between elements `step` points of a loop apart, 0 inside one.

        Beyond a page more of it makes no difference; steps that no stride describes count as that.
        """
        tags = () if self.tree.stages else (self.schedule.layout, self.schedule.pack)
        leaf = self.path.leaf
        key = (tags or self.schedule, leaf.statement, self.vector, number, loop, step)
        known = self._rows.strides
        if key not in known:
            known[key] = log2(1 + min(self._moved(number, loop, step), PAGE) / LINE)
        return known[key]

    def _moved(self, number: int, loop: str, step: int) -> int:
        """Bytes."""
        access = self.operand(number)
        if access is None or loop not in access.loops:
            return 0
        layout = self.tree.layout_of(access.tensor)
        try:
            return abs(Address(access, layout).coefficient(loop, step)) * layout.dtype.bytes
        except ScheduleError:  # in a layout whose blocks it is no multiple of
            return PAGE

    def apart(self, number: int) -> float:
        """The longest stride of an operand from point to point of the register tile."""
        return max((self.stride(number, grain.loop) for grain in self.tiled), default=0.0)

    def onwards(self, number: int) -> float:
        """The stride of an operand along the innermost loop of the reduction."""
        return self.stride(number, self.inner[-1].loop) if self.inner else 0.0

    def next_vector(self, number: int) -> float:
        """The stride of an operand from vector to vector."""
        return 0.0 if self.kernel is None else self.stride(number, self.vector, self.kernel.lanes)

    @property
    def lanes_used(self) -> float:
        """Share of the lanes of all vectors that hold points of the loop."""
        grain = None if self.kernel is None else self.kernel.grain(self.kernel.vector)
        if grain is None:
            return 0.0
        return grain.extent / (sum(n * size for n, size in grain.runs) * grain.lanes)

    @property
    def evenness(self) -> float:
        """The mean register tile as a share of the largest."""
        runs = [grain.runs for grain in self.outputs]
        return prod(
            sum(n * s for n, s in own) / (sum(n for n, _ in own) * own[0][1]) for own in runs
        )

    @property
    def vector_depth(self) -> float:
        """Where the outermost loop over vectors is: 0 outermost of all, 1 innermost."""
        loops = [level.loop for level in self.path.loops if self.trips[level.name] > 1]
        if self.vector not in loops or len(loops) < 2:
            return 0.5
        return loops.index(self.vector) / (len(loops) - 1)


class FeatureRows:
    """Rows of features of one nest's schedules; what these share is worked out once."""

    def __init__(self, nest: Primitive, machine: Architecture, threads: int) -> None:
        self.nest, self.machine, self.threads = nest, machine, threads
        self.roofline = Roofline(nest, machine)
        self.held = HeldBytes(nest, machine)
        self.strides: dict[object, float] = {}

    @cached_property
    def at_peak(self) -> float:
        """Seconds of the nest's operations with every lane of every core busy."""
        rate = 2 * self.machine.fma_per_cycle * self.machine.lanes(self.nest.dtype)
        return max(1, self.nest.flops) / (rate * self.roofline.hertz * self.threads)

    def of(self, schedules: Sequence[Schedule], names: Sequence[str]) -> Rows:
        """[schedule, name]"""
        asked = [FEATURES[name] for name in names]
        rows = [[of(seen) for of in asked] for seen in (Seen(self, one) for one in schedules)]
        found = np.array(rows, np.float64).reshape(-1, len(names))
        return np.clip(found, -LARGEST, LARGEST)


def _held(level: str) -> Callable[[Seen], float]:
    return lambda s: log1p(s.held.get(level, 0))


def _share(part: str) -> Callable[[Seen], float]:
    return lambda s: s.share(part)


def _is(form: str) -> Callable[[Seen], float]:
    return lambda s: float(s.form == form)


PAPER: Mapping[str, Callable[[Seen], float]] = {f"log {x} bytes": _held(x) for x in LEVELS}
DESCRIBED: Mapping[str, Callable[[Seen], float]] = {  # these need more of a machine than its caches
    # the roofline's estimate
    "log estimate": lambda s: s.over_peak(s.estimate.seconds),
    "log compute": lambda s: s.over_peak(s.estimate.parts["compute"]),
    **{f"{x} share": _share(x) for x in ("compute", "overhead", "packing", *LEVELS[1:])},
    # register tile: against registers, latency and loads
    "log vectors": lambda s: log2(s.tile.vectors),
    "log points": lambda s: log2(s.tile.points),
    "registers": lambda s: (
        s.tile.registers(s.machine.embedded_broadcast) / s.machine.vector_registers
    ),
    "latency hidden": lambda s: min(
        2.0, s.tile.accumulators / (s.machine.fma_latency * s.machine.fma_per_cycle)
    ),
    "load bound": lambda s: (
        (s.tile.points + s.tile.vectors)
        / s.machine.loads_per_cycle
        / (s.tile.accumulators / s.machine.fma_per_cycle)
    ),
    "lanes used": lambda s: s.lanes_used,
    "even tiles": lambda s: s.evenness,
    "tiled loops": lambda s: float(len(s.tiled)),
    # reduction: steps while a tile is in registers, how often it is loaded and stored again
    "log steps": lambda s: log2(prod(s.trips[level.name] for level in s.inner)),
    "log visits": lambda s: log2(prod(s.path.leaf.grain(x.loop).pieces(x) for x in s.path.cut)),
    "log inner trips": lambda s: log2(s.trips[s.inner[-1].name]) if s.inner else 0.0,
    "log unroll": lambda s: log2(s.kernel.unroll) if s.kernel else 0.0,
    # layouts
    "vector operand onwards": lambda s: s.onwards(VECTOR),
    "vector operand next": lambda s: s.next_vector(VECTOR),
    "broadcast operand onwards": lambda s: s.onwards(BROADCAST),
    "broadcast operand apart": lambda s: s.apart(BROADCAST),
    "target apart": lambda s: s.apart(TARGET),
    "target next": lambda s: s.next_vector(TARGET),
    "packed": lambda s: float(bool(s.schedule.pack)),
    # the rest
    "vector loop depth": lambda s: s.vector_depth,
    "nontemporal": lambda s: float(s.kernel is not None and s.kernel.nontemporal),
    "prefetch": lambda s: float(s.kernel is not None and s.kernel.prefetch > 0),
    **{f"form {form}": _is(form) for form in ("pixels", "lanes", "dot", "scalar")},
}
FEATURES = {**PAPER, **DESCRIBED}
