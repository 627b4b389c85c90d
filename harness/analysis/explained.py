"""The facts that `polydl explain` shows of one problem: model, reuse, ranking, estimate, kernel."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from compiler.codegen.kernel import Kernel
from compiler.cost.analysed_nest import analysed_parallel, nest_of_tree
from compiler.cost.cache_levels import level_bytes
from compiler.cost.index_values import TooWide
from compiler.cost.intermediates import Intermediate, intermediates
from compiler.cost.polyrank import polyrank_cost
from compiler.cost.ranking import ranker
from compiler.cost.working_sets import working_sets
from compiler.lower.lowered import lowered
from compiler.lower.outline import outline
from compiler.microkernel.contraction import anchor
from compiler.model.dependences import Dependence, dependences
from compiler.model.isl_names import access_map, domain
from compiler.model.perfect_nest import PerfectNest, nest_of_order
from compiler.pipeline import (
    Fusion,
    Ranked,
    compile_as_written,
    compile_schedule,
    fusions,
    loop_nest,
    normal_form,
    ranked_schedules,
    trained_tournament,
)
from compiler.problem.architecture import Architecture
from compiler.problem.dtypes import DType
from compiler.problem.primitive import Primitive
from compiler.schedule.schedule import Band, Schedule
from harness.strategy.rankings import ranker_named

KEPT = 100  # ranked schedules in an explanation


@dataclass(frozen=True)
class LoopOrder:
    """The primitive's own loops in an order: levels outermost first, points in a tile by level."""

    levels: tuple[str, ...]
    tiles: Mapping[str, int] = field(default_factory=dict)
    parallel: str | None = None

    def schedule(self, primitive: Primitive) -> Schedule:
        """The scalar nest in this order; loops of extent 1 that it leaves out come first."""
        named = {level.partition("@")[0] for level in self.levels}
        left_out = tuple(loop for loop, _ in primitive.extents if loop not in named)
        sizes = {x if "@" in x else f"{x}@1": size for x, size in self.tiles.items()}
        band = Band(
            "scalar",
            left_out + self.levels,
            block=tuple(sizes.items()),
            parallel=() if self.parallel is None else (self.parallel,),
        )
        return Schedule((band,))


@dataclass(frozen=True)
class Source:
    """The ranking that orders the schedules of a space; `model` is a tournament's own network.

    The others are compiler.pipeline.ranked_schedules'.
    """

    ranking: str = "roofline"
    space: str = "full"
    model: Mapping[str, Any] | None = None  # plain data, None for the one that is shipped
    fuse: bool = True
    attach: bool = True
    private: bool = True
    microkernel: str = "generated"

    def ranked(
        self,
        primitive: Primitive,
        machine: Architecture,
        threads: int,
        numerics: Sequence[str] = (),
    ) -> tuple[Ranked, ...]:
        """All schedules of the space, best first."""
        trained = None if self.model is None else trained_tournament(self.model)
        rank = trained or ranker_named(self.ranking)
        return ranked_schedules(
            primitive,
            machine,
            threads,
            rank,
            space=self.space,
            fuse=self.fuse,
            attach=self.attach,
            private=self.private,
            microkernel=self.microkernel,
            numerics=numerics,
        )


ROOFLINE = Source()


@dataclass(frozen=True)
class Part:
    """One statement: its iterations and the maps from them to elements, in isl notation."""

    statement: str
    domain: str
    accesses: tuple[tuple[str, str], ...]  # index notation, isl map; the target first


@dataclass(frozen=True)
class Reuse:
    """Working sets by the paper's definition, and what they make of the caches."""

    working_sets: tuple[tuple[int, int], ...]  # (min, max), in elements
    levels: Mapping[str, int]  # bytes held in each cache level and in memory
    cost: int  # PolyRank's: latency in cycles times bytes


@dataclass(frozen=True)
class Shown:
    """One schedule in detail.

    `reuse`, that of the largest sum of products, is None where there is none among several
    statements, or where indices are too wide for the analysis; `estimate` (roofline's) where the
    loops are the primitive's own.
    """

    schedule: Schedule
    loop_nest: str  # of the lowered schedule, a line a loop
    kernel: Kernel
    reuse: Reuse | None
    estimate: Ranked | None = None
    fusions: tuple[Fusion, ...] = ()
    intermediates: tuple[Intermediate, ...] = ()


@dataclass(frozen=True)
class Explanation:
    """Everything that `polydl explain` shows of one problem on one architecture."""

    name: str
    primitive: Primitive
    architecture: Architecture
    threads: int
    parts: tuple[Part, ...]
    dependences: tuple[str, ...]
    ranked: tuple[Ranked, ...]
    candidates: int
    source: Source
    shown: Shown


def explained(
    name: str,
    primitive: Primitive,
    architecture: Architecture,
    threads: int,
    chosen: Schedule | LoopOrder | None = None,
    source: Source = ROOFLINE,
    numerics: Sequence[str] = (),
) -> Explanation:
    """`chosen` instead of the ranking's first. Raises ScheduleError when it does not fit.

    `numerics` is what schedules may change of rounding.
    """
    nest = loop_nest(primitive).nest
    shown = None
    if isinstance(chosen, LoopOrder):
        shown = _in_order(primitive, chosen, architecture)
        chosen = None
    ranked = source.ranked(primitive, architecture, threads, numerics)
    if shown is None:
        schedule = chosen or ranked[0].schedule
        shown = _scheduled(primitive, schedule, architecture, threads, numerics)
    return Explanation(
        name=name,
        primitive=primitive,
        architecture=architecture,
        threads=threads,
        parts=tuple(_part(nest, number) for number in range(len(nest.statements))),
        dependences=tuple(_told(found) for found in dependences(nest)),
        ranked=ranked[:KEPT],
        candidates=len(ranked),
        source=source,
        shown=shown,
    )


def _in_order(primitive: Primitive, order: LoopOrder, machine: Architecture) -> Shown:
    """The scalar nest of the primitive's own loops."""
    nest = nest_of_order(primitive, order.levels, order.tiles)
    reuse = _reuse(nest, order.parallel, machine, primitive.dtype)
    schedule = order.schedule(primitive)
    kernel = compile_as_written(primitive, schedule)
    return Shown(schedule, outline(lowered(primitive, schedule)), kernel, reuse)


def _scheduled(
    primitive: Primitive,
    schedule: Schedule,
    machine: Architecture,
    threads: int,
    numerics: Sequence[str],
) -> Shown:
    kernel = compile_schedule(primitive, schedule, numerics)
    nest = normal_form(primitive, schedule)
    (estimate,) = ranker("roofline")(nest, [schedule], machine, threads)
    told = fusions(primitive, schedule, machine, threads)
    between = intermediates(nest, schedule, machine, threads)
    tree = lowered(nest, schedule)
    loops = outline(tree)
    if len(nest.statements) != 1 and anchor(nest) is None:
        return Shown(schedule, loops, kernel, None, estimate, told, between)
    analysed = nest_of_tree(tree)
    reuse = _reuse(analysed, analysed_parallel(analysed, tree), machine, nest.dtype)
    return Shown(schedule, loops, kernel, reuse, estimate, told, between)


def _reuse(
    nest: PerfectNest, parallel: str | None, machine: Architecture, dtype: DType
) -> Reuse | None:
    try:
        pairs = working_sets(nest, parallel)
    except TooWide:
        return None
    levels = level_bytes(pairs, machine.caches, dtype)
    return Reuse(pairs, levels, polyrank_cost(levels))


def _part(nest: Primitive, number: int) -> Part:
    statement = nest.statements[number]
    accesses = (statement.target, *dict.fromkeys(statement.reads))
    return Part(
        f"S{number}: {statement.text}",
        _named(str(domain(nest, number)), statement.loops),
        tuple(
            (str(a), _named(str(access_map(nest, number, a)), statement.loops)) for a in accesses
        ),
    )


def _named(isl_text: str, loops: Sequence[str]) -> str:
    """isl addresses dimensions by position (x0, x1); people by name."""
    return re.sub(r"\bx(\d+)\b", lambda found: loops[int(found[1])], isl_text)


def _told(dependence: Dependence) -> str:
    """Kind, tensor and statements, then the distance in every loop, `*` where it is unbounded."""

    def distance(bounds: tuple[int | None, int | None]) -> str:
        low, high = ("*" if bound is None else str(bound) for bound in bounds)
        return low if low == high else f"{low}..{high}"

    steps = " ".join(f"{loop}:{distance(bounds)}" for loop, bounds in dependence.distances)
    return f"{dependence}  {steps}".rstrip()
