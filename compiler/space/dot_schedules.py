"""The space of one statement whose lanes lie across its reduction: matrix times vector, row sums.

    y[m] += a[m,k] * x[k]        m[i] = max(m[i], x[i,j])        v[i] += (x[i,j] - mean[i]) ** 2

Several vectors of the reduction at once, and several points of the output, are sums that do not
wait for each other. Joining the lanes costs a few steps for each point, so where vectors of the
output serve many points they are left to do it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product as every
from math import prod

from compiler.errors import ScheduleError
from compiler.lower.addressing import Address
from compiler.lower.fit import fitted
from compiler.lower.tiling import balanced
from compiler.microkernel.contraction import dimension, vectorisable
from compiler.microkernel.register_tile import register_tiles_of
from compiler.problem.architecture import Architecture
from compiler.problem.primitive import Access, Primitive, Statement
from compiler.schedule.layout import Layout, free, layout_of
from compiler.schedule.schedule import Band, Schedule, Sizes, Tags
from compiler.space.axes import axes_of
from compiler.space.lanes import lanes_of, memory_order
from compiler.space.operand_layouts import operand_layouts
from compiler.space.parallel import with_parallel, with_private
from compiler.space.streamed import as_they_run, own_reads

SHORTEST = 8  # points of a reduction: fewer are summed before their lanes would be joined
VECTORS = (1, 2, 4, 8, 16)  # limits of the register tile, along the reduction
POINTS = (1, 2, 4, 8)  # of the loop that is innermost in memory
ROWS = (1, 2, 4)  # of the next one
BUSY = 0.75  # of the multiply-adds that a machine can do: there vectors of the output are no worse


def dot_schedules(
    nest: Primitive, machine: Architecture, threads: int, around: Primitive | None = None
) -> tuple[Schedule, ...]:
    """All schedules of a nest of one statement; none where vectors of its output do as well.

    It may be one of a nest `around`, whose other statements have tensors in layouts of their own.
    """
    statement = nest.statements[0]
    if not vectorisable(nest, statement) or _reused(nest, machine):
        return ()
    own = own_reads(around or nest, statement)
    found: dict[Schedule, None] = {}
    for vector in statement.reduction_loops:
        if nest.extent(vector) < SHORTEST:
            continue
        lanes = lanes_of(nest, vector, machine)
        layout = lanes_last(nest, statement, vector)
        order = dot_order(nest, statement, vector, layout)
        for tile in _tiles(nest, statement, order, vector, lanes, machine):
            band = Band("dot", order, (vector, lanes), tile)
            for schedule in as_they_run(nest, own, Schedule((band,), layout)):
                try:
                    fitted(nest, schedule)
                except ScheduleError:
                    continue
                found[with_parallel(nest, schedule, threads)] = None
                found.update(dict.fromkeys(with_private(nest, schedule, threads)))
    return tuple(found)


def dot_bands(nest: Primitive, lanes: int, layout: Tags, machine: Architecture) -> Iterator[Band]:
    """One band for each loop of the reduction, of a statement around an anchor; they may not fit.

    Its register tile has as many vectors and points as hide latency.
    """
    statement, sums = nest.statements[0], _least_sums(machine)
    for vector in statement.reduction_loops:
        if nest.extent(vector) < SHORTEST:
            continue
        order = dot_order(nest, statement, vector, layout)
        vectors = balanced(-(-nest.extent(vector) // lanes), max(1, sums // 2))[0][1]
        sizes = {vector: vectors}
        for inner in [loop for loop in order if loop not in statement.reduction_loops][-1:]:
            sizes[inner] = balanced(nest.extent(inner), max(1, sums // vectors))[0][1]
        yield Band("dot", order, (vector, lanes), tuple(sizes.items()))


def _least_sums(machine: Architecture) -> int:
    """Accumulators that keep multiply-adds busy: one waits for its last one."""
    return machine.fma_latency * machine.fma_per_cycle


def _reused(nest: Primitive, machine: Architecture) -> bool:
    """Whether a vector of the output's points, as it lies in memory, serves enough of them."""
    for axes in axes_of(nest):
        lanes = lanes_of(nest, axes.vector, machine)
        vectors, points = nest.extent(axes.vector) // lanes, prod(map(nest.extent, axes.pixels))
        if vectors and any(not one.pack for one in operand_layouts(nest, axes, machine)):
            best = register_tiles_of(machine, points, vectors)[0]
            if best.rate(machine) >= BUSY * machine.fma_per_cycle:
                return True
    return False


def lanes_last(nest: Primitive, statement: Statement, vector: str) -> Tags:
    """The vector loop contiguous in every operand that may lie so: as stored, but it last."""
    tags: dict[str, str] = {}
    for access in statement.reads:
        tensor, place = nest.tensor(access.tensor), dimension(access, vector)
        if place is None or not free(tensor):
            continue
        if Address(access, layout_of(tensor)).contiguous(vector):
            continue
        order = (*(d for d in tensor.stored if d != place), place)
        tags.setdefault(access.tensor, Layout(tensor.shape, order).tag())
    return tuple(sorted(tags.items()))


def dot_order(nest: Primitive, statement: Statement, vector: str, layout: Tags) -> tuple[str, ...]:
    """Loops outermost first as the largest operand lies in memory, those of the reduction last."""
    tags = dict(layout)

    def placed(access: Access) -> Address:
        return Address(access, layout_of(nest.tensor(access.tensor), tags.get(access.tensor)))

    largest = max(statement.reads, key=lambda access: nest.tensor(access.tensor).elements)
    along = memory_order(placed(largest), statement.loops, vector, 1)
    kept = [loop for loop in along if loop not in statement.reduction_loops]
    taps = [loop for loop in along if loop in statement.reduction_loops and loop != vector]
    return (*kept, *taps, vector)


def _tiles(
    nest: Primitive,
    statement: Statement,
    order: tuple[str, ...],
    vector: str,
    lanes: int,
    machine: Architecture,
) -> Iterator[Sizes]:
    """Register tiles that hide latency, or come as near to it as the loops allow."""
    kept = [loop for loop in order if loop not in statement.reduction_loops]
    inner, outer = ("", "", *kept)[-1], ("", "", *kept)[-2]
    sizes = {"": 1} | {loop: nest.extent(loop) for loop in kept}
    along = -(-nest.extent(vector) // lanes)
    shapes = set()
    for vectors, points, rows in every(VECTORS, POINTS, ROWS):
        count = balanced(along, vectors)[0][1]
        width, height = (
            balanced(sizes[loop], limit)[0][1] for loop, limit in ((inner, points), (outer, rows))
        )
        if count * width * height + min(width * height, count) + 2 <= machine.vector_registers:
            shapes.add((count, width, height))
    busy = min(_least_sums(machine), max((prod(shape) for shape in shapes), default=1))
    for count, width, height in sorted(shapes):
        if count * width * height >= busy:
            wanted = ((vector, count), (inner, width), (outer, height))
            yield tuple((x, n) for x, n in wanted if x == vector or n > 1)
