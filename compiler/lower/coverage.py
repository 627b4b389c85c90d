"""Whether the printed loops run every iteration exactly once, proved by isl on what is printed.

Loops are independent of each other but for a border, which ties the points of a tile to its taps:
so each loop, and each such pair, is proved alone, and the product is what runs. Border classes of
several loops multiply; here they never meet.
"""

from __future__ import annotations

from collections.abc import Iterator

import islpy as isl

from compiler.lower.border_classes import Border, TileClass
from compiler.lower.isl_tree import TileSpace, printed, surroundings
from compiler.lower.operands import Operands, classes_of, operands, tiles_of
from compiler.lower.steps import goes_on, in_last_piece, iterator, ranges_of, tap_range
from compiler.lower.ties import ties
from compiler.lower.tree import Grain, Level, Microkernel, Path, Scalar, Tree
from compiler.model.isl_names import context
from compiler.problem.primitive import Affine


def uncovered(tree: Tree) -> str | None:
    """The first loops of which an iteration never runs, runs twice or is none; None if none does.

    Padding that a leaf leaves out must be left out everywhere: taps that read outside are no
    iterations of a microkernel, and those outside its clips none of a scalar nest.
    """
    for path in tree.paths():
        if outside := _outside(path):
            return outside
        for loops, runs, wanted in _proofs(tree, path):
            iterations = isl.Set.read_from_str(context(), wanted)
            where = isl.Map.read_from_str(context(), runs)
            if not where.is_single_valued() or not where.domain().is_equal(iterations):
                return loops
    return None


def _outside(path: Path) -> str | None:
    """The first loop of which a region reaches beyond its range in some piece."""
    where = surroundings(path)
    for region in path.regions:
        first, points = region.first, region.points
        names = [first, *(() if region.fixed else (points,))]
        inner = ", ".join(name for name in where.variables if name not in names)
        pieces = f"{{ [{', '.join(names)}] : exists {inner} : {where.where} }}"
        inside = f"0 <= {first} and {first} + {points} <= {region.extent}"
        text = f"{{ [{', '.join(names)}] : {points} <= 0 or ({inside}) }}"
        found = isl.Set.read_from_str(context(), pieces)
        if not found.is_subset(isl.Set.read_from_str(context(), text)):
            return region.loop
    return None


def _proofs(tree: Tree, path: Path) -> Iterator[tuple[str, str, str]]:
    """(loops, isl map from iterations to the printed variables that reach them, isl set)."""
    leaf = path.leaf
    if isinstance(leaf, Scalar):
        loops = [{grain.loop} for grain in leaf.grains]
        tied = ties([*loops, *(clip.index.loops for clip in leaf.clips)])
        yield from (_tied(path, leaf, loops) for loops in tied)
        return
    placed = operands(tree, leaf)
    classes = {tiles[0].loop: tiles for tiles in tiles_of(leaf, placed)}
    cropped = ties(crop.index.loops for crop in placed.crops)
    yield from (_cropped(path, leaf, placed, loops) for loops in cropped)
    for grain in leaf.grains:
        if any(grain.loop in loops for loops in cropped):
            continue
        if grain.loop in classes:  # each point is in one tile of one class
            yield _in_classes(grain, classes[grain.loop])
        else:
            yield _alone(path, grain)
    for border in placed.borders:
        grain = leaf.grain(border.point)
        yield from (_bordered(grain, border, tile) for tile in classes[border.point])
    yield from (_once(path, leaf, level) for level in placed.last)
    if path.private:
        yield _started(path)


def _tied(path: Path, leaf: Scalar, loops: frozenset[str]) -> tuple[str, str, str]:
    """Iterations of loops that clips tie together: those inside every clip."""
    grains = [grain for grain in leaf.grains if grain.loop in loops]
    ranges = [r for r in ranges_of(path) if r.level.loop in loops]
    x = {grain.loop: f"x{i}" for i, grain in enumerate(grains)}
    given, where = _given(*grains)
    wanted = [*where]
    where += [f"{r.first} <= {r.name} < {r.past}" for r in ranges]
    where += [f"({r.name} - {r.start}) mod {r.level.step} = 0" for r in ranges if r.level.step > 1]
    where += [f"{x[loop]} = {iterator(loop)}" for loop in x]
    wanted += [_inside(grain, x[grain.loop]) for grain in grains]
    for clip in (clip for clip in leaf.clips if loops.issuperset(clip.index.loops)):
        index = Affine(tuple((x[loop], c) for loop, c in clip.index.terms), clip.index.constant)
        wanted.append(f"0 <= {index} < {clip.size}")
    points, variables = ", ".join(x.values()), ", ".join(r.name for r in ranges)
    runs = f"{given}{{ [{points}] -> [{variables}] : {' and '.join(where)} }}"
    return " and ".join(x), runs, f"{given}{{ [{points}] : {' and '.join(wanted)} }}"


def _cropped(
    path: Path, leaf: Microkernel, placed: Operands, loops: frozenset[str]
) -> tuple[str, str, str]:
    """Iterations of loops that crops tie together: those inside are points of one tile each."""
    grains = [grain for grain in leaf.grains if grain.loop in loops]
    x = {grain.loop: f"x{i}" for i, grain in enumerate(grains)}
    crops = [crop for crop in placed.crops if loops.issuperset(crop.index.loops)]
    asked, wanted = TileSpace(path).inside(crops), [_inside(g, x[g.loop]) for g in grains]
    for crop in crops:
        index = Affine(tuple((x[loop], c) for loop, c in crop.index.terms), crop.index.constant)
        wanted.append(f"0 <= {index} < {crop.size}")
    points, pieces = ", ".join(x.values()), []
    at = ", ".join(f"q_{loop}, i_{loop}" for loop in x)
    every = (tuple(one for one in whole if one.loop in loops) for whole in classes_of(leaf, placed))
    for number, own in enumerate(dict.fromkeys(every)):
        reached = [
            _reaches(leaf.grain(one.loop), one, x[one.loop], f"q_{one.loop}", f"i_{one.loop}")
            for one in own
        ]
        pieces.append(f"[{points}] -> [{number}, {at}] : {_all(*asked, *reached)}")
    runs = "; ".join(pieces) or f"[{points}] -> [0, {at}] : 1 = 0"
    return " and ".join(x), f"{{ {runs} }}", f"{{ [{points}] : {_all(*wanted)} }}"


def _given(*grains: Grain) -> tuple[str, list[str]]:
    """isl text of the parameters of regions, and what is known of them."""
    names, where = [], []
    for region in (grain.region for grain in grains if grain.region is not None):
        names.append(region.first)
        where.append(f"0 <= {region.first} and {region.first} + {region.points} <= {region.extent}")
        if not region.fixed:
            names.append(region.points)
            where.append(f"({' or '.join(f'{region.points} = {n}' for n in region.sizes)})")
    return f"[{', '.join(names)}] -> " if names else "", where


def _inside(grain: Grain, x: str) -> str:
    """isl condition that an iteration of a loop is one that the leaf runs over."""
    if (region := grain.region) is not None:
        return f"{region.first} <= {x} < {region.first} + {region.points}"
    return f"0 <= {x} < {grain.extent}"


def _alone(path: Path, grain: Grain) -> tuple[str, str, str]:
    reached = printed(path, grain, "x")
    given, where = _given(grain)
    runs = f"{{ [x] -> [{', '.join(reached.variables)}] : {_all(*where, reached.where)} }}"
    return grain.loop, given + runs, f"{given}{{ [x] : {_all(*where, _inside(grain, 'x'))} }}"


def _all(*where: str) -> str:
    return " and ".join(where)


def _once(path: Path, leaf: Microkernel, level: Level) -> tuple[str, str, str]:
    """What waits for the last piece of a level runs in one of its pieces."""
    pieces, grain = TileSpace(path).count(level.loop), leaf.grain(level.loop)
    at, points = f"at_{level.loop}", level.points(grain)
    runs = (
        f"{{ [x] -> [q] : exists {at} : x = 0 and 0 <= q < {pieces} and {at} = q * {points} "
        f"and {in_last_piece(level, grain)} }}"
    )
    return level.loop, runs, "{ [0] }"


def _started(path: Path) -> tuple[str, str, str]:
    """Each copy of a target starts at the neutral element in one of its pieces."""
    space = TileSpace(path)
    copies = [f"p{k}" for k in range(len(path.private))]
    coordinates = [f"q_{level.loop}" for level in path.cut]
    pieces = {level.loop: copy for level, copy in zip(path.private, copies, strict=True)}
    where = []
    for level, q in zip(path.cut, coordinates, strict=True):
        where.append(f"0 <= {q} < {space.count(level.loop)}")
        where.append(f"at_{level.loop} = {q} * {space.points(level.loop)}")
        if level.loop in pieces:
            outer = next(x for x in path.private if x.loop == level.loop)
            where.append(f"{pieces[level.loop]} = {space.time(outer)}")
    begun = goes_on(path, False)
    where += [f"not ({begun})"] if begun else []
    at = ", ".join(f"at_{level.loop}" for level in path.cut)
    runs = f"{{ [{', '.join(copies)}] -> [{', '.join(coordinates)}] : exists {at} : "
    wanted = " and ".join(f"0 <= {p} < {n}" for p, n in zip(copies, path.copies, strict=True))
    loops = " and ".join(level.loop for level in path.private)
    return loops, f"{runs}{' and '.join(where)} }}", f"{{ [{', '.join(copies)}] : {wanted} }}"


def _in_classes(grain: Grain, classes: tuple[TileClass, ...]) -> tuple[str, str, str]:
    given, where = _given(grain)
    pieces = [
        f"[x] -> [{number}, q, i] : {_all(*where, _reaches(grain, tile))}"
        for number, tile in enumerate(classes)
    ]
    wanted = f"{{ [x] : {_all(*where, _inside(grain, 'x'))} }}"
    return grain.loop, f"{given}{{ {'; '.join(pieces)} }}", given + wanted


def _reaches(grain: Grain, tile: TileClass, x: str = "x", q: str = "q", i: str = "i") -> str:
    """Point i of tile q of a class is iteration x; lanes past the loop's end are none."""
    start = f"({tile.step} * {q} + {tile.offset}) * {grain.lanes}"
    points = tile.size * grain.lanes
    if grain.region is not None:
        start = f"{grain.region.first} + {start}"
    return (
        f"{tile.index_range(q)} and 0 <= {i} < {points} and {x} = {start} + {i} "
        f"and {_inside(grain, x)}"
    )


def _bordered(grain: Grain, border: Border, tile: TileClass) -> tuple[str, str, str]:
    """Pairs of a point in the tiles of a class and a tap: those that read inside."""
    given, where = _given(grain)
    reaches = _all(*where, _reaches(grain, tile))
    if tile.taps is None:  # a range known at run time, for a tile of one point
        low, high = tap_range(border)
        at = f"at_{border.point}"
        pieces = [
            f"[x, y] -> [0, q, i] : exists {at} : {at} = x and {reaches} and {low} <= y < {high}"
        ]
    else:
        pieces = [
            f"[x, y] -> [{number}, q, i] : {reaches} and {_among(group.live)} "
            f"and {group.low} <= y < {group.high}"
            for number, group in enumerate(tile.taps)
        ]
    index = f"{border.point_step} * x + {border.tap_step} * y + {border.constant}"
    inside = f"0 <= y < {border.taps} and 0 <= {index} < {border.size}"
    wanted = f"{given}{{ [x, y] : exists q, i : {reaches} and {inside} }}"
    none = "[x, y] -> [0, q, i] : 1 = 0"  # of a class that lies on padding alone
    runs = f"{given}{{ {'; '.join(pieces) or none} }}"
    return f"{border.point} and {border.tap}", runs, wanted


def _among(live: tuple[int, ...]) -> str:
    """isl condition that i is one of the points."""
    if live == tuple(range(live[0], live[-1] + 1)):
        return f"{live[0]} <= i <= {live[-1]}"
    return f"({' or '.join(f'i = {point}' for point in live)})"
