"""Several steps in a row: each in a good band of its own, then inside levels of the last one.

    S0: mid += data * expand       broadcast/.../fusion:S1.tile
    S1: mid = relu(mid + bias)
    S2: deep += mid * filter       lanes/...
    S3: out += deep * project      broadcast/order:oh@1+c@1+.../fusion:S0.c@1+S2.c@1

A step is a statement with those that follow on its register tile. Of each step the best band is
kept for each choice of the layouts that steps share; a chain of them is the cheapest whose layouts
agree. Then pieces of a loop of the last one, and of channels or vectors, are tried around all
steps, and around the later ones alone: a tensor that somebody wants whole is computed once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain, islice, pairwise
from math import prod

from compiler.errors import ScheduleError
from compiler.lower.fusion import fused_loops, in_loops
from compiler.lower.legality import legal
from compiler.lower.lowered import lowered
from compiler.lower.tree import Grain
from compiler.microkernel.catalogue import CATALOGUE
from compiler.microkernel.contraction import sum_of_products
from compiler.problem.architecture import Architecture
from compiler.problem.primitive import Primitive, Statement, Tensor
from compiler.schedule.layout import free, layout_of
from compiler.schedule.schedule import ROOT, Attached, Band, Schedule, Sizes, depth_of, loop_of
from compiler.space.candidates import contraction_schedules
from compiler.space.chain import continued, single, without_of
from compiler.space.dot_schedules import dot_schedules
from compiler.space.lane_schedules import lane_schedules
from compiler.space.lanes import lanes_innermost, may_lie
from compiler.space.scalar import PIECES, scalar_schedule

Model = Callable[[Primitive], Callable[[Schedule], float]]  # seconds expected on a nest
CHAINS = 6  # of layouts that agree, of which the cheapest are taken on
TILED = 3  # chains that are tried in pieces
PIECES_KEPT = 40  # of what is tried so, the best
KEEPING = 3  # of these, the first ones where rows can be kept from piece to piece
ROWS = (1, 2, 4, 7, 8, 14, 16, 28, 56)  # points of a piece, or as near as whole tiles come
GROUPS = (1, 2, 3, 4, 8)  # vectors of channels that a piece sums over


@dataclass(frozen=True)
class Step:
    """A statement with a band of its own, and those fused into it."""

    number: int
    fused: tuple[int, ...]


@dataclass(frozen=True)
class Choice:
    """A band of a step with the layouts of what it touches; None: plain."""

    band: Band
    layouts: Mapping[str, str | None]
    seconds: float


def pipelines(
    nest: Primitive,
    machine: Architecture,
    threads: int,
    fuse: bool,
    model: Model,
    attach: bool = True,
) -> tuple[Schedule, ...]:
    """Schedules of a nest of two steps or more; none of others.

    The first are of steps one after another, without `attach` those alone; nothing is on tiles
    without `fuse`.
    """
    steps = _steps(nest, fuse)
    if len(steps) < 2:
        return ()
    chains = [(Schedule(()), 0.0, dict[str, str | None]())]
    for step in steps:
        choices = _choices(nest, step, machine, threads, model)
        joined = [
            (
                replace(before, bands=(*before.bands, choice.band)),
                seconds + choice.seconds,
                layouts | dict(choice.layouts),
            )
            for before, seconds, layouts in chains
            for choice in choices
            if all(layouts.get(x, tag) == tag for x, tag in choice.layouts.items())
        ]
        joined.sort(key=lambda one: one[1])
        alike = [one for one in joined if _alike(nest, one[0].bands[-1])]
        chains = [*joined[:CHAINS], *(one for one in alike[:TILED] if one not in joined[:CHAINS])]
    found: dict[Schedule, None] = {}
    for joint, _, layouts in chains:
        tags = tuple(sorted((name, tag) for name, tag in layouts.items() if tag is not None))
        whole = replace(joint, layout=tags)
        if legal(nest, whole):
            found[whole] = None
    if attach:
        even = [whole for whole in found if _alike(nest, whole.bands[-1])] or list(found)
        tried = [s for whole in even[:TILED] for s in _in_pieces(nest, whole, threads)]
        best = _best_legal(nest, tried, model(nest))
        keeping = islice((s for one in best for s in _keeping(nest, one)), KEEPING)
        found |= dict.fromkeys((*best, *(s for s in keeping if legal(nest, s))))
    return tuple(replace(one, bands=without_of(one.bands)) for one in found)


def in_a_row(nest: Primitive) -> bool:
    """Whether there are two reductions or more, one a sum of products: then no anchor is enough."""
    numbers = range(len(nest.statements))
    several = sum(bool(s.reduction_loops) for s in nest.statements) > 1
    return several and any(sum_of_products(nest, number) for number in numbers)


def _best_legal(
    nest: Primitive, tried: Sequence[Schedule], expected: Callable[[Schedule], float]
) -> list[Schedule]:
    """Those that are legal of the ones expected to be the fastest; what does not fit is none."""
    seconds = {}
    for schedule in tried:
        with suppress(ScheduleError):
            seconds[schedule] = expected(schedule)
    best = sorted(seconds, key=lambda schedule: seconds[schedule])
    return list(islice((schedule for schedule in best if legal(nest, schedule)), PIECES_KEPT))


def _steps(nest: Primitive, fuse: bool) -> tuple[Step, ...]:
    """Statements in order; what follows a reduction element by element is fused into it."""
    found: list[Step] = []
    for number, statement in enumerate(nest.statements):
        last = found[-1] if found else None
        if last is not None and fuse and not statement.reduction_loops:
            joined = replace(last, fused=(*last.fused, number))
            if _fits(nest, joined):
                found[-1] = joined
                continue
        found.append(Step(number, ()))
    return tuple(found)


def _fits(nest: Primitive, step: Step) -> bool:
    """Whether what is fused reads nothing that the step writes but the elements of its own tile."""
    try:
        pairs = fused_loops(nest, step.number, step.fused)
    except ScheduleError:
        return False
    held = {nest.statements[step.number].target}
    for number, names in zip(step.fused, pairs, strict=True):
        statement = in_loops(nest.statements[number], dict(names))
        others = {access.tensor for access in held} | {statement.target.tensor}
        if any(one.tensor in others and one not in held for one in statement.reads):
            return False
        held.add(statement.target)
    return True


def _choices(
    nest: Primitive, step: Step, machine: Architecture, threads: int, model: Model
) -> tuple[Choice, ...]:
    """The best band of a step for each choice of layouts, with tiles all alike and without."""
    own = continued(single(nest, step.number), nest.statements[: step.number])
    lanes = machine.lanes(nest.tensor(own.statements[0].target.tensor).dtype)
    schedules = contraction_schedules(own, machine, threads, lanes)
    schedules += lane_schedules(own, machine, threads, nest, bool(schedules))
    schedules += dot_schedules(own, machine, threads, nest)
    expected = model(own)
    shared = _shared(nest, step)
    best: dict[object, tuple[Choice, Schedule]] = {}
    known: dict[object, dict[str, str | None]] = {}

    def offer(schedule: Schedule) -> None:
        same = schedule.layout, schedule.band.vector
        if same not in known:
            known[same] = _layouts(nest, step, schedule)
        layouts = known[same]
        agreed = frozenset((name, tag) for name, tag in layouts.items() if name in shared)
        key = agreed, _alike(own, schedule.band)
        seconds = expected(schedule)
        if key not in best or seconds < best[key][0].seconds:
            fusion = tuple(map(Attached, step.fused))
            band = replace(schedule.band, of=step.number, fusion=fusion)
            best[key] = Choice(band, layouts, seconds), schedule

    for schedule in schedules or (scalar_schedule(own, threads),):
        if not schedule.pack and not schedule.band.nontemporal:
            offer(schedule)
    for _, schedule in list(best.values()):  # rows that end amid a vector, as others may want them
        padded = [x for x in schedule.layout if x[0] in shared and _in_rows(own.tensor(x[0]), x[1])]
        plain = replace(schedule, layout=tuple(x for x in schedule.layout if x not in padded))
        if not all(_plain(own.tensor(name), tag) for name, tag in padded) and legal(own, plain):
            offer(plain)
    return tuple(choice for choice, _ in best.values())


def _shared(nest: Primitive, step: Step) -> frozenset[str]:
    """What a step touches and statements of other steps too."""
    inside = (step.number, *step.fused)
    touched: tuple[set[str], set[str]] = set(), set()
    for number, statement in enumerate(nest.statements):
        touched[number in inside].update(statement.tensors)
    return frozenset(touched[0] & touched[1])


def _layouts(nest: Primitive, step: Step, schedule: Schedule) -> dict[str, str | None]:
    """Where tensors lie for a step: what is fused reads and writes along the lanes of its band."""
    statement = nest.statements[step.number]
    tags = {name: tag for name, tag in schedule.layout if not _plain(nest.tensor(name), tag)}
    found = {
        a.tensor: tags.get(a.tensor) for a in statement.accesses if free(nest.tensor(a.tensor))
    }
    vector, lanes = schedule.band.vector
    pairs = fused_loops(nest, step.number, step.fused)
    for number, names in zip(step.fused, pairs, strict=True):
        renamed: Statement = in_loops(nest.statements[number], dict(names))
        for access in renamed.accesses:
            if access.tensor not in found and free(nest.tensor(access.tensor)):
                tag = tags.get(statement.target.tensor)
                alike = access.indices == statement.target.indices
                if alike and may_lie(nest, access.tensor, tag):
                    found[access.tensor] = tag
                else:
                    found[access.tensor] = lanes_innermost(nest, access, vector, lanes)
    return found


def _alike(nest: Primitive, band: Band) -> bool:
    """Whether register tiles are all alike, so that any number of them is a piece."""
    return not any(nest.extent(x) % size for x, size in band.tile if x != band.vector[0])


def _plain(tensor: Tensor, tag: str) -> bool:
    """Whether a layout's elements lie as they do without: its blocks fill what is innermost."""
    layout = layout_of(tensor, tag)
    return _in_rows(tensor, tag) and all(layout.shape[d] % n == 0 for d, n in layout.blocks)


def _in_rows(tensor: Tensor, tag: str) -> bool:
    """The same but for what fills the last block of a row."""
    layout = layout_of(tensor, tag)
    if layout.order != tensor.stored or len(layout.blocks) > 1:
        return False
    return all(d == layout.order[-1] for d, _ in layout.blocks)


def _in_pieces(nest: Primitive, schedule: Schedule, threads: int) -> Iterator[Schedule]:
    """The steps inside a level of the last one: over rows, then over channels or its vectors."""
    *earlier, host = schedule.bands
    if host.scheme == "scalar" or not earlier:
        return
    assert host.of is not None
    statement = nest.statements[host.of]
    path = next(p for p in lowered(nest, schedule).paths() if p.leaf.statement == host.of)
    grains = {grain.loop: grain for grain in path.leaf.grains}
    batch = _batch(nest, schedule)
    cut = {loop_of(level) for level, _ in host.block}
    rows = [x for x in statement.loops if x not in (*statement.reduction_loops, *batch, *cut)]
    pieces_of = chain.from_iterable(_rows(grains[x]) for x in rows)
    for outer, sizes in (*pieces_of, ((), ())):
        for inner, more in _inner(nest, host, grains, bool(outer or batch)):
            levels = (*outer, *inner)
            if not (*batch, *levels):
                continue
            front = (*batch, *levels)
            order = (*front, *(level for level in host.order if level not in front))
            pieces = prod(grains[x].extent for x in batch) * prod(
                -(-grains[loop_of(x)].count // size) for x, size in sizes
            )
            shared = (*batch, *outer) if threads > 1 and pieces >= threads else ()
            whole = replace(
                host,
                order=order,
                block=(*host.block, *sizes, *more),
                parallel=_enough(shared, grains, dict(sizes), threads),
            )
            for first in range(len(earlier)):  # those before it run by themselves
                inside = [band.serial() for band in earlier[first:]]
                bands = (*earlier[:first], *inside, _hosting(whole, inside, front[-1]))
                yield replace(schedule, bands=bands)
            for groups in _grouped(nest, [band.serial() for band in earlier]) if not more else ():
                yield replace(schedule, bands=(*groups, _hosting(whole, groups[-1:], front[-1])))


def _keeping(nest: Primitive, schedule: Schedule) -> Iterator[Schedule]:
    """The schedule where every step that may keeps the rows which its next piece needs too."""
    if _batch(nest, schedule) or any(band.parallel for band in schedule.bands):
        return
    kept = schedule
    for place, band in enumerate(schedule.bands):
        for one in band.attached:
            keep = (*kept.bands[place].keep, Attached(one.statement, ROOT))
            bands = (*kept.bands[:place], replace(band, keep=keep), *kept.bands[place + 1 :])
            try:
                lowered(nest, tried := replace(kept, bands=bands))
            except ScheduleError:
                continue
            kept = tried
    if kept != schedule:
        yield kept


def _hosting(host: Band, bands: Sequence[Band], level: str) -> Band:
    """The host with these bands at one of its levels."""
    return host.attaching([band.of for band in bands if band.of is not None], level)


def _grouped(nest: Primitive, bands: Sequence[Band]) -> Iterator[list[Band]]:
    """Each step inside groups of vectors of the next one, so that the last sums over all of them.

    S2: order:c@1+c+oh+ow+kh+kw/block:c@1.3/fusion:S0.c@1
    S4: order:oh@1+oh+ow+oc+c/fusion:S2.oh@1
    """
    pairs = list(pairwise(bands))
    for vectors in GROUPS if pairs else ():
        found = [bands[0]]
        for producer, consumer in pairs:
            assert producer.of is not None and consumer.of is not None
            loop, made = consumer.vector[0], nest.statements[producer.of].target.tensor
            reads = [a for a in nest.statements[consumer.of].reads if a.tensor == made]
            tiles = vectors // consumer.tile_of(loop)
            level = f"{loop}@1"
            alone = not any(loop in access.loops for access in reads)
            if consumer.scheme == "scalar" or alone or level in consumer.order:
                return
            if not tiles or -(-nest.extent(loop) // consumer.vector[1]) <= vectors:
                break
            order, block = (level, *consumer.order), ((level, tiles), *consumer.block)
            found.append(_hosting(replace(consumer, order=order, block=block), [producer], level))
        else:
            yield found


def _batch(nest: Primitive, schedule: Schedule) -> tuple[str, ...]:
    """Loops of the last step that all others have, in the same place of what they touch."""
    names = [set(nest.statements[band.of or 0].loops) for band in schedule.bands]
    reduced = {x for band in schedule.bands for x in nest.statements[band.of or 0].reduction_loops}
    vectors = {band.vector[0] for band in schedule.bands}
    rest = [x for x in schedule.bands[-1].order if x in set.intersection(*names)]
    shared = [x for x in rest if x not in reduced and x not in vectors]
    first = nest.statements[schedule.bands[-1].of or 0].target.indices
    leading = [index.loops[0] for index in first[:-2] if len(index.loops) == 1]
    return tuple(x for x in shared if x in leading)


def _rows(grain: Grain) -> Iterator[tuple[tuple[str, ...], Sizes]]:
    """Levels over pieces of a loop, of so many tiles; one whole piece is none."""
    seen = set()
    for points in ROWS:
        count = max(1, points // grain.points)
        if count < grain.count and count not in seen:
            seen.add(count)
            level = f"{grain.loop}@1"
            yield (level,), ((level, count),)


def _inner(
    nest: Primitive, host: Band, grains: Mapping[str, Grain], pieces: bool
) -> Iterator[tuple[tuple[str, ...], Sizes]]:
    """Nothing inside pieces, or a level over groups of summed channels, or the host's vectors."""
    if pieces:
        yield (), ()
    assert host.of is not None
    reduced = nest.statements[host.of].reduction_loops
    channels = [x for x in reduced if grains[x].summed and grains[x].lanes == 1]
    lanes = host.vector[1]
    if CATALOGUE[host.scheme].sums and channels:
        loop = max(channels, key=nest.extent)
        depth = 1 + max(depth_of(x) for x in host.order if loop_of(x) == loop)
        for vectors in GROUPS:
            size = vectors * lanes
            finer = [n for x, n in host.block if loop_of(x) == loop]
            if size < nest.extent(loop) and not any(size % n for n in finer):
                yield (f"{loop}@{depth}",), ((f"{loop}@{depth}", size),)
    elif host.vector[0] in grains and not grains[host.vector[0]].summed:
        yield (host.vector[0],), ()


def _enough(
    levels: tuple[str, ...], grains: Mapping[str, Grain], sizes: Mapping[str, int], threads: int
) -> tuple[str, ...]:
    """The first levels that have enough pieces for the threads."""
    pieces, chosen = 1, []
    for level in levels:
        if pieces >= PIECES * threads:
            break
        chosen.append(level)
        pieces *= -(-grains[loop_of(level)].count // sizes.get(level, 1))
    return tuple(chosen)
