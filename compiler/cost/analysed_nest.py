"""A schedule as the perfect nest that the paper's analysis of reuse works on.

order:oc+oh+ow+kh+kw+ic, tile ow.7 and oc.4 vectors of 16, on a 512x512x7x7 layer
loops: oc 8, oh 7, kh 3, kw 3, ic 512, ow@0 7, oc@0 64
"""

from __future__ import annotations

from compiler.errors import ProblemError
from compiler.lower.tiling import register_tiles
from compiler.model.perfect_nest import PerfectNest
from compiler.problem.primitive import Access, Affine, Primitive, Statement
from compiler.schedule.schedule import Schedule, depth_of, loop_of


def nest_of_schedule(nest: Primitive, schedule: Schedule) -> PerfectNest:
    """The levels of a schedule, then the points of its register tile, those of the vector last.

    Uneven pieces count as the largest one and loops of extent 1 are dropped. With the microkernel
    `product` the register tile is no level of its own: finest levels go point by point, as in the
    paper, whose innermost loops are a library's matrix product. `nest` is a normalised one;
    ProblemError when it is not one statement.
    """
    statement = _only_statement(nest)
    inside = dict(nest.extents)
    loops: list[tuple[str, int]] = []
    steps: dict[str, list[tuple[str, int]]] = {loop: [] for loop in inside}

    def add(level: str, loop: str, points: int) -> None:
        """Cut what is inside of a loop into pieces of `points`."""
        pieces = -(-inside[loop] // points)
        if pieces > 1:
            loops.append((level, pieces))
            steps[loop].append((level, points))
            inside[loop] = points

    tiles = _tile_points(nest, schedule)
    for level in schedule.order:
        loop = loop_of(level)
        if depth_of(level):
            add(level, loop, (schedule.block_of(level) or 1) * tiles.get(loop, 1))
        else:
            add(level, loop, 1 if schedule.microkernel == "product" else tiles.get(loop, 1))
    for loop in sorted(tiles, key=lambda tiled: tiled == schedule.vector[0]):
        add(f"{loop}@0", loop, 1)
    accesses = dict.fromkeys((statement.target, *statement.reads))
    return PerfectNest(tuple(loops), tuple(_by_level(access, steps) for access in accesses))


def analysed_parallel(analysed: PerfectNest, schedule: Schedule) -> str | None:
    """The loop whose iterations run at once: the outermost parallel level that is a loop."""
    return next((loop for loop, _ in analysed.loops if loop in schedule.parallel), None)


def _only_statement(nest: Primitive) -> Statement:
    """The statement of a nest that has one; reuse between several is not analysed."""
    if len(nest.statements) != 1:
        raise ProblemError(
            f"{nest.name}: reuse is analysed for one statement, this primitive has "
            f"{len(nest.statements)}"
        )
    return nest.statements[0]


def _tile_points(nest: Primitive, schedule: Schedule) -> dict[str, int]:
    """Points of each loop in the largest register tile, where they may be more than one."""
    vector, lanes = schedule.vector
    return {
        loop: register_tiles(nest, schedule, loop)[0][1] * (lanes if loop == vector else 1)
        for loop, _ in nest.extents
        if loop == vector or schedule.tile_of(loop) > 1
    }


def _by_level(access: Access, steps: dict[str, list[tuple[str, int]]]) -> Access:
    """The access with every loop as the sum of its levels: `ic` becomes `64*ic@1 + ic`."""
    indices = []
    for index in access.indices:
        terms = [(level, c * points) for loop, c in index.terms for level, points in steps[loop]]
        indices.append(Affine(tuple(sorted(terms)), index.constant))
    return Access(access.tensor, tuple(indices))
