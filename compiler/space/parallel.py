"""Which loops of a band threads share: those of its output, or a reduction with copies of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import prod

from compiler.errors import ScheduleError
from compiler.lower.fit import fitted
from compiler.lower.lowered import lowered
from compiler.lower.steps import SHARED
from compiler.lower.tree import Grain, Path
from compiler.microkernel.contraction import scatters
from compiler.microkernel.functions import vector_operations
from compiler.problem.architecture import Architecture
from compiler.problem.primitive import Primitive, Statement
from compiler.schedule.schedule import Band, Schedule, depth_of, loop_of
from compiler.space.scalar import PIECES, in_a_line

REDUCTIONS = 2  # loops whose pieces are tried with copies, the longest ones
LEAST = 256  # steps of the reduction in a piece, that its copy may be worth combining
MOST_WAKES = 100  # in one call: a barrier takes microseconds


def with_parallel(nest: Primitive, schedule: Schedule, threads: int) -> Schedule:
    """The schedule with its outermost legal loops parallel: enough pieces a thread if it can.

    As it is where all of them together are one piece.
    """
    if threads == 1:
        return schedule
    chosen, pieces = _chosen(nest, _path(nest, schedule), threads)
    return schedule.with_band(parallel=chosen if pieces > 1 else ())


def short(nest: Primitive, machine: Architecture) -> bool:
    """Whether waking threads for each statement may cost more than they save, at the best rate."""
    each_cycle = machine.lanes(nest.dtype) * machine.fma_per_cycle
    return operations(nest) < SHARED * each_cycle * len(nest.statements)


def operations(nest: Primitive) -> int:
    """Of all statements, in every iteration."""
    return sum(
        prod(map(nest.extent, s.loops)) * max(1, vector_operations(s.value))
        for s in nest.statements
    )


def alone(schedule: Schedule) -> Schedule | None:
    """The schedule on one thread; None of one whose copies only several threads have use for."""
    if any(band.private for band in schedule.bands):
        return None
    return replace(schedule, bands=tuple(band.serial() for band in schedule.bands))


def with_private(nest: Primitive, schedule: Schedule, threads: int) -> Iterator[Schedule]:
    """The schedule with pieces of a reduction parallel too, where its output has too few.

        order:m+n+k/parallel:m       3 tiles for 4 threads
        order:k@1+m+n+k/block:k@1.512/parallel:k@1/private:c.k@1
        order:k@1+m+n+k/block:k@1.1024/parallel:k@1+m/private:c.k@1

    One copy a thread, or as many as keep all threads busy together with what the output has.
    """
    if threads == 1:
        return
    path = _path(nest, schedule)
    chosen, pieces = _chosen(nest, path, threads)
    if -(-pieces // threads) * threads * PIECES <= pieces * (PIECES + 1):
        return  # all threads are as good as busy
    statement = nest.statements[path.leaf.statement]
    if statement.reduction is None or path.cut or scatters(nest, statement):
        return
    steps = prod(nest.extent(loop) for loop in statement.reduction_loops)
    longest = sorted(statement.reduction_loops, key=lambda loop: -nest.extent(loop))
    led = schedule.band.order[: len(chosen)] == chosen
    for loop in longest[:REDUCTIONS]:
        beside: list[tuple[int, tuple[str, ...]]] = [(threads, ())]
        if led and pieces > 1:
            beside.append((-(-threads // pieces), chosen))
        for copies, others in beside:
            if steps < LEAST * copies:
                continue
            for cut in _cut(schedule.band, path.leaf.grain(loop), copies, in_a_line(nest)):
                band = schedule.with_band(
                    order=(cut[0], *(x for x in schedule.band.order if x != cut[0])),
                    block=(*schedule.band.block, *((cut,) if cut[1] else ())),
                    parallel=(cut[0], *others),
                    private=((statement.target.tensor, cut[0]),),
                )
                if _fits(nest, band):
                    yield band
                    break


def _path(nest: Primitive, schedule: Schedule) -> Path:
    (path,) = lowered(nest, schedule).paths()
    return path


def _chosen(nest: Primitive, path: Path, threads: int) -> tuple[tuple[str, ...], int]:
    """The outermost levels of the output in a row, as many as threads want pieces; their pieces."""
    pieces = 1
    chosen: list[str] = []
    apart = _apart(nest.statements[path.leaf.statement])
    for level in path.levels:
        if level.loop not in apart:
            if chosen:
                break
            continue
        if pieces >= PIECES * threads:
            break
        if level.loop in map(loop_of, chosen):  # pieces of one tile: no rectangle to share
            break
        chosen.append(level.name)
        pieces *= path.leaf.grain(level.loop).pieces(level)
    return tuple(chosen), pieces


def _apart(statement: Statement) -> set[str]:
    """Loops whose iterations write elements of their own: alone in an index of the output."""
    return {index.loops[0] for index in statement.target.indices if len(index.loops) == 1}


def _cut(band: Band, grain: Grain, copies: int, line: int) -> Iterator[tuple[str, int]]:
    """Levels of so many pieces, or of few more: (name, block), of a short loop itself block 0.

    Pieces hold whole blocks of the levels inside, and whole lines where they are long.
    """
    loop, count = grain.loop, grain.count
    present = [level for level in band.order if loop_of(level) == loop]
    inner = band.block_of(present[0]) or 1
    for whole in dict.fromkeys((line if count >= PIECES * line * copies else 1, 1)):
        unit = inner if inner % whole == 0 else inner * whole
        size = unit * -(-count // (unit * copies))
        if size < count and depth_of(present[0]) < 9:
            yield f"{loop}@{depth_of(present[0]) + 1}", size
    if copies <= count <= PIECES * copies and len(present) == 1:
        yield loop, 0


def _fits(nest: Primitive, schedule: Schedule) -> bool:
    try:
        fitted(nest, schedule)
    except ScheduleError:
        return False
    return True


def wakes(nest: Primitive, schedule: Schedule) -> int:
    """How often one call of a schedule of one statement wakes its threads, at least."""
    path = _path(nest, schedule)
    if not any(level.parallel for level in path.loops):
        return 0
    pieces: dict[str, int] = {}
    for level in path.loops:
        if level.parallel:
            break
        pieces[level.loop] = path.leaf.grain(level.loop).pieces(level)
    return prod(pieces.values())
