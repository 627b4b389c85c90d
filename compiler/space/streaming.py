"""Whether an output is written past the caches: the next call would find nothing of it there."""

from __future__ import annotations

from compiler.microkernel.contraction import covers
from compiler.problem.architecture import Architecture
from compiler.problem.primitive import Access, Primitive
from compiler.schedule.layout import layout_of
from compiler.schedule.schedule import Band, Tags, loop_of
from compiler.space.lanes import innermost
from compiler.space.scalar import LINE


def streams(
    nest: Primitive, written: Access, layout: Tags, lanes: int, machine: Architecture
) -> bool:
    """Whether the tensor is larger than every cache, and every vector of it aligned."""
    output = nest.tensor(written.tensor)
    if output.accumulate or not covers(nest, written) or not machine.caches:
        return False
    if output.bytes <= machine.caches[-1].bytes:
        return False
    lies = layout_of(output, dict(layout).get(output.name))
    inner = lies.blocks[-1][1] if lies.blocks else output.shape[innermost(output)]
    return inner % lanes == 0


def writes_once(nest: Primitive, number: int, band: Band) -> bool:
    """Whether the band writes whole lines, and each of them once: no cut reduction.

    A part of a line is read first after all.
    """
    statement = nest.statements[number]
    reduction = statement.reduction_loops
    last = max(k for k, level in enumerate(band.order) if loop_of(level) not in reduction)
    cut = any(loop_of(level) in reduction for level in band.order[:last])
    elements = band.tile_of(band.vector[0]) * band.vector[1]
    return not cut and elements * nest.tensor(statement.target.tensor).dtype.bytes >= LINE
