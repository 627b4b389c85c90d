"""The space of one statement whose operands all lie along the lanes: depthwise, pooling, chains.

    out[c,oh,ow] += data[c,oh+kh,ow+kw] * weight[c,kh,kw]     lanes over c, or over ow

A loop that stands in one factor of a product alone is left to the contraction's forms where they
reuse each vector for several points.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product as every
from math import prod

from compiler.errors import ScheduleError
from compiler.lower.addressing import Address
from compiler.lower.edges import vector_loads
from compiler.lower.fit import fitted
from compiler.lower.operands import Summand, operands
from compiler.lower.tiling import balanced
from compiler.lower.tree import Microkernel, Tree
from compiler.microkernel.contraction import contraction, sum_of_products, vectorisable
from compiler.microkernel.functions import OPERATIONS
from compiler.problem.architecture import Architecture
from compiler.problem.primitive import (
    Access,
    Call,
    Expression,
    Primitive,
    Statement,
    operations_of,
    reads_of,
)
from compiler.schedule.layout import free, layout_of
from compiler.schedule.schedule import Band, Schedule, Sizes, Tags
from compiler.space.axes import axes
from compiler.space.lanes import lanes_innermost, lanes_of, memory_order
from compiler.space.parallel import with_parallel, with_private
from compiler.space.streamed import as_they_run, own_reads
from compiler.space.streaming import streams, writes_once
from compiler.space.unrolling import unrolled

VECTORS = (1, 2, 4)  # limits of the register tile, of which equal pieces are made
POINTS = (1, 4, 7, 8, 14)
REUSED = 4  # points by which a contraction's forms reuse each vector enough
PRINTED = 2500  # printed ones of a tile: it bounds the seconds a compiler takes


def lane_schedules(
    nest: Primitive,
    machine: Architecture,
    threads: int,
    around: Primitive | None = None,
    contracted: bool = True,
) -> tuple[Schedule, ...]:
    """All schedules of a nest of one statement; none where nothing lies along lanes.

    Layouts are such as other statements of the nest `around` can use. Where a sum of products has
    no `contracted` form, lanes take the loops of a single factor too.
    """
    statement = nest.statements[0]
    if not vectorisable(nest, statement):
        return ()
    around = around or nest
    own = own_reads(around, statement)
    found: dict[Schedule, None] = {}
    for vector in statement.loops:
        if vector in statement.reduction_loops or (contracted and _in_one_factor(nest, vector)):
            continue
        lanes = lanes_of(nest, vector, machine)
        layout = _layouts(nest, around, vector, lanes)
        past = streams(nest, statement.target, layout, lanes, machine)
        target = _target(nest, layout)
        written = memory_order(target, _kept(statement), vector, lanes)
        for order, tile, unroll in _shapes(nest, vector, lanes, target, written, machine):
            band = Band("lanes", order, (vector, lanes), tile, unroll=unroll)
            moved = own if order[: len(written)] == written else ()  # as the output is written
            for schedule in as_they_run(nest, moved, Schedule((band,), layout)):
                try:
                    tree = fitted(nest, schedule)
                except ScheduleError:
                    continue
                if len(tile) > 1 and _printed(tree) > PRINTED:
                    continue
                parallel = with_parallel(nest, schedule, threads)
                found[parallel] = None
                if past and writes_once(nest, 0, band):
                    found[parallel.with_band(nontemporal=True)] = None
                found.update(dict.fromkeys(with_private(nest, schedule, threads)))
    return tuple(found)


def _printed(tree: Tree) -> int:
    """Operations in the C text of a tile: every point's, and what puts its vectors together."""
    (path,) = tree.paths()
    leaf = path.leaf
    assert isinstance(leaf, Microkernel)
    placed = operands(tree, leaf)
    reduced = placed.reduced
    reads = (*placed.reads, *(reduced.reads if isinstance(reduced, Summand) else ()))
    each = 1 + operations_of(tree.statement(leaf).value)
    each += sum(
        vector_loads(leaf, one) * (1 + 3 * (placed.edge(one.access) is not None)) for one in reads
    )
    return each * leaf.unroll * prod(grain.runs[0][1] for grain in leaf.grains if not grain.summed)


def _in_one_factor(nest: Primitive, vector: str) -> bool:
    """Whether a contraction's forms take the loop: their points reuse its vectors, or none would.

    Points of a loop that is in both factors share what they read of a window.
    """
    if sum_of_products(nest, 0) is None:
        return False
    try:
        roles = axes(nest, contraction(nest, 0, vector), vector)
    except ScheduleError:
        return False
    sharing = _sharing(nest.statements[0], nest.statements[0].reads)
    return prod(map(nest.extent, roles.pixels)) >= REUSED or not sharing.intersection(roles.batch)


def _shapes(
    nest: Primitive,
    vector: str,
    lanes: int,
    target: Address,
    outputs: tuple[str, ...],
    machine: Architecture,
) -> Iterator[tuple[tuple[str, ...], Sizes, int]]:
    """Orders, register tiles and unrolling: points along one loop.

    `outputs` are the loops of the target, outermost first as it lies in memory.

    Accumulators, what serves all points at each tap that is printed, what the taps do not move,
    which compilers load before them, and one vector more must fit the registers.
    """
    statement = nest.statements[0]
    reduced = statement.reduction_loops
    orders = [outputs]
    if len(outputs) > 1:
        orders.append((*(x for x in outputs if x != vector), vector))
    read = [access for access in dict.fromkeys(statement.reads) if vector in access.loops]
    seen = set()
    for inner, order, vectors, points, taps in every(
        _along(nest, outputs, vector), orders, VECTORS, POINTS, _taps(statement)
    ):
        unroll = unrolled(nest, taps[-1], {}) if taps else 1
        held = [access for access in read if taps and not set(taps).intersection(access.loops)]
        served = [access for access in read if access not in held and inner not in access.loops]
        count = balanced(-(-nest.extent(vector) // lanes), vectors)[0][1]
        tile: Sizes = ((vector, count),)
        if inner is not None and points > 1:
            tile = (*tile, (inner, balanced(nest.extent(inner), points)[0][1]))
        key = (order, tile, taps)
        width = dict(tile).get(inner or "", 1)
        if not reduced and _writes_apart(statement, target, tile, lanes):
            continue
        before = sum(width if inner in access.loops else 1 for access in held)
        registers = count * (width + before + len(served) * unroll) + 1
        if key not in seen and (registers <= machine.vector_registers or len(tile) == count == 1):
            seen.add(key)
            yield (*order, *taps), tile, unroll


def _target(nest: Primitive, layout: Tags) -> Address:
    """The output where it lies."""
    access = nest.statements[0].target
    written = nest.tensor(access.tensor)
    return Address(access, layout_of(written, dict(layout).get(written.name)))


def _kept(statement: Statement) -> list[str]:
    """The loops of the output."""
    return [loop for loop in statement.loops if loop not in statement.reduction_loops]


def _writes_apart(statement: Statement, target: Address, tile: Sizes, lanes: int) -> bool:
    """Whether a tile that shares no work writes in several places: prefetchers follow one row."""
    run = lanes
    for place, (loop, count) in enumerate(tile):
        step = target.coefficient(loop, 1 if place else lanes)
        if count > 1 and step != run and not _shares_work(statement.value, loop):
            return True
        run *= count
    return False


def _shares_work(value: Expression, loop: str) -> bool:
    """Whether an operation of many cycles is the same for all points of a loop."""
    if not isinstance(value, Call):
        return False
    if value.function in OPERATIONS and all(loop not in one.loops for one in reads_of(value)):
        return True
    return any(_shares_work(one, loop) for one in value.arguments)


def _taps(statement: Statement) -> tuple[tuple[str, ...], ...]:
    """Orders of the reduction: as it is written, and what slides along an output innermost."""
    written = statement.reduction_loops
    sliding = {
        loop
        for access in statement.reads
        for index in access.indices
        if len(index.terms) > 1
        for loop in index.loops
    }
    moved = tuple(sorted(written, key=lambda loop: loop in sliding))
    return tuple(dict.fromkeys((written, moved)))


def _along(nest: Primitive, outputs: tuple[str, ...], vector: str) -> list[str | None]:
    """Loops to lay points along: the one nearest in memory, then those whose points share reads."""
    statement = nest.statements[0]
    others = [loop for loop in reversed(outputs) if loop != vector]
    shared = _sharing(statement, [one for one in statement.reads if vector in one.loops])
    return list(dict.fromkeys((*others[:1], *(x for x in others if x in shared)))) or [None]


def _sharing(statement: Statement, reads: Sequence[Access]) -> set[str]:
    """Loops of the output whose points share elements of these reads.

    All of an operand's where the loop is none of its own, some of a window's where the loop moves
    an index together with a tap.
    """
    taps = set(statement.reduction_loops)
    indices = [index for access in reads for index in access.indices]
    windows = {x for index in indices if taps.intersection(index.loops) for x in index.loops}
    kept = (x for x in statement.loops if x not in taps)
    return {x for x in kept if x in windows or any(x not in one.loops for one in reads)}


def _layouts(nest: Primitive, around: Primitive, vector: str, lanes: int) -> Tags:
    """The lanes innermost in every tensor that may lie so."""
    tags: dict[str, str] = {}
    statement = nest.statements[0]
    for access in statement.accesses:
        tag = lanes_innermost(around, access, vector, lanes)
        if tag is not None and free(nest.tensor(access.tensor)):
            tags.setdefault(access.tensor, tag)
    return tuple(sorted(tags.items()))
