"""Where intermediates live that one piece of shared levels writes and reads: on buffers of its own.

    for oh: pieces of 4 rows               stage mid: 6 rows of all channels
      S0: mid[c,h] over 6 rows             computed 1.5 times, as neighbours both need 2 rows
      S1: out[c,oh] += mid[c,oh + kh]

The box of a piece is the hull of what is read and written there; the next piece uses the same
memory. A tensor is staged that is temporary, that only leaves inside the levels touch, and that
starts anew in each piece: no statement takes up what another piece left in it. What is written and
read on one register tile alone needs no memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce
from itertools import product
from math import prod

from compiler.errors import ScheduleError
from compiler.lower.attach import Needed, Symbols, hull
from compiler.lower.operands import starts
from compiler.lower.region import Region
from compiler.lower.ties import ties
from compiler.lower.tree import (
    Around,
    Box,
    Loops,
    Path,
    Rolling,
    StageBuffer,
    Subtree,
    Tree,
    common,
    last_leaf,
    paths_of,
    surrounding,
)
from compiler.problem.primitive import Primitive, Tensor
from compiler.schedule.layout import Layout, layout_of

LoopOf = tuple[int, str]  # of the levels of one loop: its statement, the loop

MOST_COUNTED = 100_000  # pieces whose points are added one by one


def with_stages(tree: Tree) -> Tree:
    """The tree with its stages; ScheduleError where a layout cuts one amid a block."""
    nest, body, layout = tree.nest, tree.body, dict(tree.layout)
    paths = [(place, path) for place, node in enumerate(body) for path in paths_of(node)]
    needed = Needed(nest, {path.leaf.statement: path for _, path in paths})
    found: dict[int, dict[tuple[Around, ...], list[StageBuffer]]] = {}
    held = []
    for tensor in nest.tensors:
        users = [(place, path) for place, path in paths if _touches(nest, path, tensor.name)]
        if tensor.role != "temporary" or len({place for place, _ in users}) != 1:
            continue
        own = [path for _, path in users]
        if len(own) == 1 and own[0].around and _anew(nest, own, tensor.name, own[0].around):
            held.append((tensor.name, len(own[0].around)))
            continue
        around = reduce(common, (surrounding(p.loops, p.leaf, p.around) for p in own))
        if around and _anew(nest, own, tensor.name, around):
            stage = _stage(needed, own, tensor, around, layout.get(tensor.name))
            found.setdefault(users[0][0], {}).setdefault(around, []).append(stage)
    every = tuple(x for own in found.values() for stages in own.values() for x in stages)
    body = tuple(_with(node, found.get(place, {})) for place, node in enumerate(body))
    return replace(tree, body=body, stages=every, held=tuple(held))


def _with(
    node: Subtree,
    stages: Mapping[tuple[Around, ...], Sequence[StageBuffer]],
    above: Path | None = None,
) -> Subtree:
    if not isinstance(node, Loops) or not stages:
        return node
    leaf = last_leaf(node)
    path = replace(above or Path((), leaf), leaf=leaf)
    path = replace(path, loops=(*path.loops, *node.levels))
    around = surrounding(path.loops, leaf, path.around)
    *attached, last = node.body
    inner = [_with(child, stages, Path((), last_leaf(child), around=around)) for child in attached]
    return replace(
        node, body=(*inner, _with(last, stages, path)), stages=tuple(stages.get(around, ()))
    )


def _touches(nest: Primitive, path: Path, tensor: str) -> bool:
    return any(tensor in nest.statements[number].tensors for number in path.leaf.statements)


def _anew(nest: Primitive, paths: Sequence[Path], tensor: str, around: tuple[Around, ...]) -> bool:
    """Whether each piece computes all that it reads: the writers are attached there."""
    for path in paths:
        attached = len(path.around) >= len(around)
        for number in path.leaf.statements:
            statement = nest.statements[number]
            if statement.target.tensor != tensor:
                continue
            own = (access for access in statement.reads if access.tensor == tensor)
            if not attached or any(access != statement.target for access in own):
                return False
    return any(
        nest.statements[n].target.tensor == tensor and starts(nest, n)
        for path in paths
        for n in path.leaf.statements
    )


def _stage(
    needed: Needed,
    paths: Sequence[Path],
    tensor: Tensor,
    around: tuple[Around, ...],
    tag: str | None,
) -> StageBuffer:
    depth, boxes = len(around), _boxes(needed, paths, tensor, around)
    rolling, windows = _rolling(needed, paths, tensor, around, boxes), boxes
    if rolling is not None:
        depth = rolling.kept.depth
        boxes = _boxes(needed, paths, tensor, around[:depth])
        boxes[rolling.dimension] = windows[rolling.dimension]
    shape = tuple(box.size for box in boxes)
    held = layout_of(replace(tensor, shape=shape), tag)
    for place, box in (*enumerate(boxes), *enumerate(windows)):
        if box.aligned and box.aligned % held.block(place):
            raise ScheduleError(
                f"{needed.nest.name}: schedule: layout:{tensor.name}.{tag}: pieces of it are no "
                f"whole blocks along dimension {place}"
            )
    if rolling is not None:
        _check_rolling(f"{needed.nest.name}: schedule: keep: {tensor.name}", rolling, boxes, held)
    return StageBuffer(tensor.name, tuple(boxes), held, depth, len(around), rolling)


def _boxes(
    needed: Needed, paths: Sequence[Path], tensor: Tensor, around: tuple[Around, ...]
) -> list[Box]:
    """The hull of what leaves touch of a tensor in one piece of the levels."""
    known = Symbols(around)
    windows = []
    for path in paths:
        for number, names in path.leaf.names.items():
            accesses = needed.nest.statements[number].accesses
            for access in (a for a in accesses if a.tensor == tensor.name):
                windows.append(
                    [needed.elements(path, index, names, around) for index in access.indices]
                )
    boxes = []
    for place, size in enumerate(tensor.shape):
        window = hull([own[place] for own in windows], size)
        low, _ = window.start.bounds(known.last)
        whole = not window.start.terms and low <= 0 and low + window.size >= size
        start = replace(window.start, terms=(), constant=0) if whole else window.start
        boxes.append(Box(start, min(window.size, size), 0 if whole else low, known.aligned(start)))
    return boxes


def _rolling(
    needed: Needed,
    paths: Sequence[Path],
    tensor: Tensor,
    around: tuple[Around, ...],
    windows: Sequence[Box],
) -> Rolling | None:
    """What is kept of a tensor; ScheduleError where it is not of the leaf alone that keeps it.

    `windows` are what a piece of the levels touches.
    """
    nest = needed.nest
    writers = [
        (path, number)
        for path in paths
        for number in path.leaf.statements
        if nest.statements[number].target.tensor == tensor.name
    ]
    regions = [region for path, _ in writers for region in path.regions if region.kept is not None]
    if not regions:
        return None
    where = f"{nest.name}: schedule: keep: {tensor.name}"
    first, number = writers[0]
    if any(path is not first for path, _ in writers):
        raise ScheduleError(f"{where} is written by several bands, rows are kept of one")
    if len(first.around) != len(around):
        raise ScheduleError(f"{where} is read outside of {first.around[-1].level.name} too")
    names, target = first.leaf.names[number], nest.statements[number].target
    region = regions[0]
    dimension = next(
        place
        for place, index in enumerate(target.indices)
        if [names.get(loop, loop) for loop in index.loops] == [region.loop]
    )
    assert region.kept is not None
    rows = tensor.shape[dimension]
    return Rolling(dimension, region.loop, rows, region.kept, tuple(windows))


def _check_rolling(where: str, rolling: Rolling, boxes: Sequence[Box], layout: Layout) -> None:
    """Rows are whole in memory, side by side."""
    if layout.block(rolling.dimension) > 1:
        raise ScheduleError(f"{where} lies in blocks along the rows that are kept")
    inner = layout.order[layout.order.index(rolling.dimension) + 1 :]
    if any(boxes[place] != rolling.windows[place] for place in inner):
        raise ScheduleError(f"{where}: a piece has a part of the rows that are kept")


def times_computed(nest: Primitive, path: Path) -> float:
    """How often an iteration of a leaf runs on average: 1 where no two pieces need it."""
    if not path.around:
        return 1.0
    statement = nest.statements[path.leaf.statement]
    return executed(path) / prod(nest.extent(loop) for loop in statement.loops)


def executed(path: Path) -> float:
    """Iterations of a leaf in all pieces.

    Levels that move the same region are added up together, others apart: the sum of a product over
    levels that do not meet is the product of their sums.
    """
    behind: dict[str, frozenset[LoopOf]] = {}  # by variable, the levels that move it
    groups = []
    for one in path.around:
        region = one.grain.region
        levels = _moving(region, behind) | {_loop_of(one)}
        behind[one.piece] = frozenset({_loop_of(one)})
        if region is not None:
            behind[region.first] = levels - {_loop_of(one)}
        groups.append(levels)
    moving = {region: _moving(region, behind) for region in path.regions}
    extents = prod(grain.extent for grain in path.leaf.grains)
    total = extents // prod(region.size for region in path.regions)
    total *= prod(region.count({}) for region, levels in moving.items() if not levels)
    for levels in ties([*groups, *moving.values()]):
        around = [one for one in path.around if _loop_of(one) in levels]
        total *= _points(around, [region for region, by in moving.items() if by & levels])
    return float(total)


def _loop_of(one: Around) -> LoopOf:
    return one.statement, one.level.loop


def _moving(region: Region | None, behind: Mapping[str, frozenset[LoopOf]]) -> frozenset[LoopOf]:
    """The levels that move a region."""
    names = () if region is None else region.variables
    return frozenset().union(*(behind[name] for name in names))


def _points(around: Sequence[Around], regions: Sequence[Region]) -> int:
    """Points of regions in all pieces of some levels."""
    finest = {_loop_of(one): one for one in around}
    ranges = [range(one.grain.pieces(one.level)) for one in finest.values()]
    if (pieces := prod(map(len, ranges))) > MOST_COUNTED:
        return pieces * prod(region.size for region in regions)
    total = 0
    for values in product(*ranges):
        at = _at(around, finest, dict(zip(finest, values, strict=True)))
        if at is not None:
            total += prod(region.count(at) for region in regions)
    return total


def _at(
    around: Sequence[Around],
    finest: Mapping[LoopOf, Around],
    values: Mapping[LoopOf, int],
) -> dict[str, int] | None:
    """Numbers of all pieces around and first points of their regions; None where one is empty."""
    at: dict[str, int] = {}
    for one in around:
        own, region = _loop_of(one), one.grain.region
        at[one.piece] = values[own] * finest[own].level.step // one.level.step
        if region is not None:
            at[region.first] = region.first_at(at)
            if at[one.piece] * one.level.points(one.grain) >= region.count(at):
                return None
    return at
