"""Layouts in which a statement reads its operands one element after another, as its loops run.

    y[i,j] += abs(x[l,i,m,j] - z[j])      lanes/vector:j.16/tile:j.2+i.4/order:i+j+l+m

    abcd          as stored: a step of l passes by all of i, m and j
    BDac4b32d     tiles of i and of j, then l and m, and of each tile 4 of i by 32 of j

Dimensions stand in the order of the loops that move them, those of the reduction inside the tiles
of the output; what the register tile takes at once is a block, innermost of all. Only operands that
nothing else touches may lie so: others have readers, or a writer, with an order of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from compiler.lower.tiling import register_tiles
from compiler.lower.tree import Grain
from compiler.microkernel.catalogue import CATALOGUE
from compiler.problem.primitive import Access, Affine, Primitive, Statement
from compiler.schedule.layout import Layout, free, layout_of
from compiler.schedule.schedule import Band, Schedule


def own_reads(nest: Primitive, statement: Statement) -> tuple[Access, ...]:
    """What a statement reads in one place, free to lie anywhere, that no other access names."""
    return tuple(
        access
        for access in dict.fromkeys(statement.reads)
        if free(nest.tensor(access.tensor))
        and sum(access.tensor in one.tensors for one in nest.statements) == 1
        and {other for other in statement.accesses if other.tensor == access.tensor} == {access}
    )


def as_they_run(nest: Primitive, own: Sequence[Access], schedule: Schedule) -> tuple[Schedule, ...]:
    """A schedule of one band as it is, and with these operands of it in the order of its loops.

    One whose dimensions stand in that order already stays as it is.
    """
    band = schedule.band
    vector, lanes = band.vector
    grains = {
        loop: register_tiles(loop, nest.extent(loop), size, lanes if loop == vector else 1)
        for loop, size in band.tile
    }
    layout = dict(schedule.layout)
    for access in own:
        stored = layout_of(nest.tensor(access.tensor), layout.get(access.tensor))
        found = _layout(nest, access, band, grains)
        if found is not None and found.order != stored.order:
            layout[access.tensor] = found.tag()
    moved = replace(schedule, layout=tuple(sorted(layout.items())))
    return tuple(dict.fromkeys((schedule, moved)))


def _layout(
    nest: Primitive, access: Access, band: Band, grains: Mapping[str, Grain]
) -> Layout | None:
    """None where the lanes move more dimensions than one."""
    shape = nest.tensor(access.tensor).shape
    vector, lanes = band.vector
    places = {loop: place for place, loop in enumerate(band.order)}
    along = [d for d, index in enumerate(access.indices) if vector in index.loops]
    if len(along) > 1:
        return None
    blocked = all(_plain(access.indices[d]) for d in along)
    blocks = []
    for d, index in enumerate(access.indices) if blocked else ():
        if not _plain(index):
            continue
        (loop,) = index.loops
        grain = grains.get(loop)
        alike = grain is not None and len(grain.runs) == 1
        if loop == vector:
            whole = alike and not CATALOGUE[band.scheme].across
            blocks.append((len(places), d, grains[loop].points if whole else lanes))
        elif alike and grains[loop].points > 1:
            blocks.append((places[loop], d, grains[loop].points))

    def rank(d: int) -> tuple[bool, int]:
        loops = access.indices[d].loops
        last = d in along and not blocked
        return last, min((places[loop] for loop in loops), default=-1)

    order = tuple(sorted(range(len(shape)), key=rank))
    return Layout(shape, order, tuple((d, size) for _, d, size in sorted(blocks)))


def _plain(index: Affine) -> bool:
    """Whether an index is one loop alone, so that its dimension may lie in blocks."""
    return len(index.terms) == 1 and index.terms[0][1] == 1 and not index.constant
