"""The schedule of last resort: scalar loops, in an order good for caches and vectors."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from compiler.lower.legality import legal, structural
from compiler.lower.lowered import lowered
from compiler.lower.steps import SHARED, SHORT
from compiler.microkernel.functions import vector_operations
from compiler.problem.primitive import Access, Primitive, Statement
from compiler.schedule.layout import layout_of
from compiler.schedule.schedule import Band, Schedule, loop_of

PIECES = 4  # for each thread, so that the last ones to finish are not far behind the others
LINE = 64  # bytes of a cache line, and of a vector or two


def scalar_schedule(nest: Primitive, threads: int = 1) -> Schedule:
    """Every statement under its own loops in an order good for vectors, parallel where legal.

    Innermost is the loop that would load and store the least in an iteration, outermost the one
    that would the most, as far as dependences allow. What stays where it is counts 1/extent, a
    target that moves counts twice, as it is read and written. Where the target stays or its
    elements are neighbours, a loop runs in vectors, and what walks along it counts its stride
    over the elements of a line. Between equals, by the cache lines that an iteration touches:
    memory order, of Carr, McKinley and Tseng (ASPLOS 1994).

        c[m,n] += a[m,k] * b[k,n]      ->  m, k, n: rows of b and c pass in vectors
        c[m,n] += a[m,k] * b[n,k]      ->  m, n, k: a sum in a register, in vectors
        y[2*i+k] += x[c,i] * w[c,k]    ->  i, k, c: a sum in a register

    Statements share one order: two of its loops stand as the statements that have both would pay
    the least, by their iterations. Loops that differ by less than a tenth keep the primitive's.
    With threads, a sum that has nothing to share but itself is made of copies.
    """
    order = [loop for loop, _ in nest.extents]
    for end, loop in enumerate(order):
        for place in reversed(_places(nest, order[:end], loop)):
            moved = [*order[:place], loop, *order[place:end], *order[end + 1 :]]
            if structural(lowered(nest, _scalar(moved))) is None:
                order = moved
                break
    schedule = _scalar(order)
    if threads == 1 or not order:  # a statement of one element may have no loop at all
        return schedule
    return _copied(nest, _shared(nest, _led(nest, schedule, threads), threads, SHARED), threads)


def in_a_line(nest: Primitive) -> int:
    """Elements of a cache line."""
    return LINE // nest.dtype.bytes


def as_written(nest: Primitive, threads: int = 1) -> Schedule:
    """The same in the primitive's own order of loops, its outermost ones shared however short."""
    schedule = _scalar([loop for loop, _ in nest.extents])
    return _shared(nest, schedule, threads, least=1) if threads > 1 else schedule


def _led(nest: Primitive, schedule: Schedule, threads: int) -> Schedule:
    """With a loop outermost that threads may share: the first that can be, or else pieces of one.

    for k, m, n: c[m,n] += a[k,m] * b[k,n]  ->  m, k, n
    for k, m:    y[m] += a[k,m] * x[k]      ->  m@1, k, m: a piece of the innermost loop a thread
    """
    *others, inner = schedule.band.order
    for loop in (x for x in others if nest.extent(x) >= threads):
        led = _scalar([loop, *(x for x in schedule.band.order if x != loop)])
        if _shareable(nest, led, loop):
            return led
    work = max(prod(map(nest.extent, s.loops)) for s in nest.statements if inner in s.loops)
    line = in_a_line(nest)
    if others and work >= SHARED * line:  # in vectors
        size = line * -(-nest.extent(inner) // (line * threads))
        pieces = f"{inner}@1"
        led = _scalar([pieces, *schedule.band.order]).with_band(block=((pieces, size),))
        if _shareable(nest, led, pieces):
            return led
    return schedule


def _scalar(order: list[str]) -> Schedule:
    return Schedule((Band("scalar", tuple(order)),))


def _places(nest: Primitive, others: list[str], loop: str) -> list[int]:
    """Where a loop may stand among others that are in order, from the innermost on."""
    places = []
    for place in range(len(others) - 1, -1, -1):
        costs = _costs(nest, loop, others[place])
        if costs and not _dearer(costs):
            break
        places += [place] if costs else []
    return places


def _costs(nest: Primitive, one: str, other: str) -> list[tuple[float, float]]:
    """What each loop would cost innermost, in the statements that have both; empty if none has."""
    both = [s for s in nest.statements if one in s.loops and other in s.loops]

    def total(cost: Callable[[Primitive, Statement, str], float], loop: str) -> float:
        return sum(prod(map(nest.extent, s.loops)) * cost(nest, s, loop) for s in both)

    return [(total(cost, one), total(cost, other)) for cost in (_moves, _lines) if both]


def _dearer(costs: list[tuple[float, float]]) -> bool:
    """Whether the first of two loops costs more, by a tenth."""
    unlike = ((one, other) for one, other in costs if max(one, other) > 1.1 * min(one, other))
    return next((one > other for one, other in unlike), False)


def _moves(nest: Primitive, statement: Statement, loop: str) -> float:
    """Loads and stores in an iteration with the loop innermost."""
    target, reads = _strides(nest, statement, loop)
    extent = nest.extent(loop)
    walks = target == 1 or (target == 0 and max(reads, default=0) <= 1)
    step = in_a_line(nest) if walks and extent >= SHORT else 1

    def moves(stride: int) -> float:
        return min(1.0, stride / step) if stride else 1 / extent

    updates = 2 if statement.reduction and target else 1
    return updates * moves(target) + sum(map(moves, reads))


def _lines(nest: Primitive, statement: Statement, loop: str) -> float:
    """Cache lines touched in an iteration with the loop innermost."""
    target, reads = _strides(nest, statement, loop)
    line, extent = in_a_line(nest), nest.extent(loop)
    return sum(min(1.0, s / line) if s else 1 / extent for s in (target, *reads))


def _strides(nest: Primitive, statement: Statement, loop: str) -> tuple[int, list[int]]:
    """Elements by which the target and other reads move with a loop, either way."""

    def stride(access: Access) -> int:
        tensor = nest.tensor(access.tensor)
        strides = layout_of(tensor).outer_strides
        pairs = zip(access.indices, strides, strict=True)
        return abs(sum(index.coefficient(loop) * step for index, step in pairs))

    others = [access for access in dict.fromkeys(statement.reads) if access != statement.target]
    return stride(statement.target), [stride(access) for access in others]


def _shared(nest: Primitive, schedule: Schedule, threads: int, least: int) -> Schedule:
    """Parallel are those loops of each statement that no dependence of any statement forbids.

    Its outermost ones, or ones inside a sequential loop, that share enough work: a few thousand
    operations are done before other threads are awake.

        for i, j, k: c[i,j] += a[i,k] * b[k,j]  ->  parallel i and j; k carries the sum
        for t, i: y[t,i] = y[t-1,i] + x[t,i]    ->  parallel i, if long, anew in every t
    """
    order = schedule.band.order
    free = {level for level in order if _shareable(nest, schedule, level)}
    chosen = {
        x for s in nest.statements for x in _parallel(nest, schedule, s, free, threads, least)
    }
    return schedule.with_band(parallel=tuple(x for x in order if x in chosen))


def _copied(nest: Primitive, schedule: Schedule, threads: int) -> Schedule:
    """With a piece a thread of a long reduction that nothing shares, each summing in a copy.

    for i: s += x[i]  ->  parallel i@1, private:s.i@1, i
    """
    band, line = schedule.band, in_a_line(nest)
    for statement in nest.statements:
        alone = not any(loop_of(level) in statement.loops for level in band.parallel)
        loops = [x for x in band.order if x in statement.reduction_loops]
        long = prod(map(nest.extent, statement.loops)) >= SHARED * line
        loop = next((x for x in loops if nest.extent(x) >= threads), None)
        if not alone or not long or loop is None:
            continue
        unit = line if loop == band.order[-1] else 1
        pieces, size = f"{loop}@1", unit * -(-nest.extent(loop) // (unit * threads))
        summed = dict.fromkeys(
            s.target.tensor for s in nest.statements if loop in s.reduction_loops
        )
        copied = schedule.with_band(
            order=(pieces, *band.order),
            block=(*band.block, (pieces, size)),
            parallel=(pieces, *band.parallel),
            private=tuple((tensor, pieces) for tensor in summed),
        )
        if legal(nest, copied):
            return copied
    return schedule


def _shareable(nest: Primitive, schedule: Schedule, level: str) -> bool:
    """Levels that may be parallel alone may be so together: no pair first differs at any of them.

    A level that any statement sums over is none.
    """
    sums = {loop for s in nest.statements for loop in s.reduction_loops}
    parallel = schedule.with_band(parallel=(level,))
    return loop_of(level) not in sums and structural(lowered(nest, parallel)) is None


def _parallel(
    nest: Primitive,
    schedule: Schedule,
    statement: Statement,
    free: set[str],
    threads: int,
    least: int,
) -> tuple[str, ...]:
    """The outermost run of a statement's free levels, as long as threads want pieces.

    None where all of it is less than `least` operations, or one start of several than SHARED.
    """
    band = schedule.band
    own = [level for level in band.order if loop_of(level) in statement.loops]
    counts = [-(-nest.extent(loop_of(x)) // (band.block_of(x) or 1)) for x in own]
    first = next((place for place, level in enumerate(own) if level in free), len(own))
    steps = prod(map(nest.extent, {loop_of(level) for level in own[first:]}))
    if steps * max(1, vector_operations(statement.value)) < (SHARED if first else least):
        return ()
    last, pieces = first, 1
    while last < len(own) and own[last] in free and pieces < PIECES * threads:
        if loop_of(own[last]) in map(loop_of, own[first:last]):
            break  # the pieces of a loop are shared, not what is in one
        pieces *= counts[last]
        last += 1
    return tuple(own[first:last])
