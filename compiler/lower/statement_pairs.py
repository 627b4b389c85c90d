"""Whether a tree keeps the dependences between statements: on a register tile, and of bands.

Bands run one after another in the program's order, so between them only a statement that is fused
into an earlier band can come too early. Where bands share levels, what depends must lie in the same
piece of each, or in a later one. On a register tile the statements run one after another on each
point; its points have no order among each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import combinations, combinations_with_replacement, product

import islpy as isl

from compiler.lower.attach import in_step
from compiler.lower.isl_tree import tile_map, times_map
from compiler.lower.kept_dependences import kept_dependences
from compiler.lower.refusal import Refusal, element_text, iteration_text
from compiler.lower.tree import Fused, Level, Microkernel, Path, Tree, shared_levels
from compiler.model.dependences import Dependence
from compiler.model.isl_names import context, first_differ, first_times, pair
from compiler.problem.primitive import Primitive

Evident = Callable[[Tree, Path, Path], bool]  # of two leaves that share levels


def structural_pair(tree: Tree) -> Refusal | None:
    """As `broken_pair`, without isl for the common case, which no tiling and no order can break.

    It is: every two statements of a tile meet on equal points of the tile alone, they run in the
    order of the program, and what is fused waits for the whole sum.
    """
    for path, leaf in _fused(tree):
        waits = all(fused.last == path.cut for fused in leaf.fused)
        ordered = list(leaf.statements) == sorted(leaf.statements)
        own = tuple(grain.loop for grain in leaf.grains if not grain.summed)
        pairs = tuple((fused.statement, fused.loops) for fused in leaf.fused)
        if not (waits and ordered) or not _pointwise(tree.nest, leaf.statement, own, pairs):
            return broken_pair(tree)
    return _broken_bands(tree, in_step)


def broken_pair(tree: Tree) -> Refusal | None:
    """The first dependence between two statements that is broken."""
    for path, leaf in _fused(tree):
        found = _broken_on_tile(tree, path, leaf)
        if found is not None:
            return found
    return _broken_bands(tree, None)


def _fused(tree: Tree) -> Iterator[tuple[Path, Microkernel]]:
    """The leaves that statements are fused into."""
    for path in tree.paths():
        if isinstance(path.leaf, Microkernel) and path.leaf.fused:
            yield path, path.leaf


def _broken_bands(tree: Tree, evident: Evident | None) -> Refusal | None:
    """Between leaves, and in a scalar one that has another order than the program.

    `evident` says of two leaves that share levels what needs no isl.
    """
    paths = tree.paths()
    for place, second in enumerate(paths):
        for first in paths[: place + 1]:
            if first is second and isinstance(second.leaf, Microkernel):
                continue  # on its tile
            around = () if first is second else shared_levels(first, second)
            if around and evident is not None and evident(tree, first, second):
                continue
            shared = tuple(one.level for one in around)
            found = _broken_between(tree, first, second, shared)
            if found is not None:
                return found
    return None


def _broken_between(
    tree: Tree, first: Path, second: Path, shared: tuple[Level, ...]
) -> Refusal | None:
    """The first dependence that is broken between two leaves, the first of which runs before.

    Pieces that have a stage of their own owe each other nothing of it.
    """
    nest = tree.nest
    own = combinations(_runs(first), 2)
    for one, other in own if first is second else product(_runs(first), _runs(second)):
        swapped = one[0] > other[0]
        if not shared and not swapped:
            continue
        early, late = (other, one) if swapped else (one, other)
        for dependence in kept_dependences(nest, early[0], late[0]):
            if shared:
                times = [times_map(nest, path, fused) for _, path, fused in (early, late)]
                maps = first_times(times[0], len(shared)), first_times(times[1], len(shared))
                alone = tree.staged(dependence.tensor)
                broken = _broken_level(dependence, maps, shared, alone)
                if broken is not None:
                    return _refused(nest, dependence, *broken)
                if not swapped or not _at_once(dependence, *maps):
                    continue
            what = f"{dependence.kind} {dependence.source_access}"
            text = f"schedule: fusion:S{late[0]} runs before S{early[0]} ({what})"
            return Refusal("fusion", "", late[0], text)
    return None


def _runs(path: Path) -> list[tuple[int, Path, Fused | None]]:
    """The statements of a leaf."""
    own = path.leaf.statement, path, None
    return [own, *((one.statement, path, one) for one in path.leaf.fused)]


def _at_once(dependence: Dependence, first: isl.Map, second: isl.Map) -> bool:
    """Whether a pair lies in one piece of all levels."""
    pairs = dependence.relation.apply_domain(first).apply_range(second)
    return not pairs.intersect(isl.Map.identity(pairs.get_space())).is_empty()


@lru_cache(maxsize=256)
def _pointwise(
    nest: Primitive,
    anchor: int,
    own: tuple[str, ...],
    fused: tuple[tuple[int, tuple[tuple[str, str], ...]], ...],
) -> bool:
    """Whether iterations of two statements on a tile depend only where their points are equal."""
    loops = {anchor: {x: x for x in own}} | {number: dict(pairs) for number, pairs in fused}
    for source, sink in combinations_with_replacement(loops, 2):
        if source == sink == anchor:
            continue
        equal = _equal_points(nest, source, sink, loops[source], loops[sink])
        for dependence in kept_dependences(nest, source, sink):
            if not dependence.relation.is_subset(equal):
                return False
    return True


def _equal_points(
    nest: Primitive, source: int, sink: int, first: dict[str, str], second: dict[str, str]
) -> isl.Map:
    """All pairs of iterations whose loops of the tile agree."""
    x = {loop: f"x{i}" for i, loop in enumerate(nest.statements[source].loops)}
    y = {loop: f"y{i}" for i, loop in enumerate(nest.statements[sink].loops)}
    at = {own: x[loop] for loop, own in first.items()}
    equal = [f"{at[own]} = {y[loop]}" for loop, own in second.items()]
    spaces = f"S{source}[{', '.join(x.values())}] -> S{sink}[{', '.join(y.values())}]"
    return isl.Map.read_from_str(context(), f"{{ {spaces} : {' and '.join(equal)} }}")


def _broken_on_tile(tree: Tree, path: Path, leaf: Microkernel) -> Refusal | None:
    """By isl, on the map of the loops as printed: every two statements but the anchor's own."""
    nest = tree.nest
    runs: list[Fused | None] = [None, *leaf.fused]
    levels = (*path.every, *_all_points(leaf))
    numbers = leaf.statements
    for first, second in combinations_with_replacement(range(len(runs)), 2):
        if first == second == 0:
            continue
        early, late = sorted((first, second), key=lambda k: numbers[k])
        for dependence in kept_dependences(nest, numbers[early], numbers[late]):
            maps = tile_map(nest, path, runs[early]), tile_map(nest, path, runs[late])
            broken = _broken_level(dependence, maps, levels, tree.staged(dependence.tensor))
            if broken is not None:
                return _refused(nest, dependence, *broken)
            if early > late and _at_once(dependence, *maps):
                what = f"{dependence.kind} {dependence.source_access}"
                text = f"schedule: fusion:S{numbers[late]} runs before S{numbers[early]} ({what})"
                return Refusal("fusion", "", numbers[late], text)
    return None


def _all_points(leaf: Microkernel) -> tuple[Level, ...]:
    return tuple(Level(f"{g.loop}@0", g.loop, 0, True) for g in leaf.grains if not g.summed)


def _broken_level(
    dependence: Dependence,
    maps: tuple[isl.Map, isl.Map],
    levels: tuple[Level, ...],
    alone: int = 0,
) -> tuple[Level, bool, isl.Map] | None:
    """The first level at which pairs run backwards (then True), or at once in any direction.

    Only pairs count that are in the same piece of the first `alone` levels. Those that are broken
    stand with it, `{ S0[...] -> S1[...] }`.
    """
    for place, level in enumerate(levels[alone:], alone):
        first, second = (first_times(times, place + 1) for times in maps)
        pairs = dependence.relation.apply_domain(first).apply_range(second)
        forwards, backwards = first_differ(pairs, place)
        wrong = forwards if level.parallel and backwards.is_empty() else backwards
        if not wrong.is_empty():
            broken = first.apply_range(wrong).apply_range(second.reverse())
            return level, not level.parallel, dependence.relation.intersect(broken)
    return None


def _refused(
    nest: Primitive, dependence: Dependence, level: Level, backwards: bool, pairs: isl.Map
) -> Refusal:
    """Names the element of one pair, and both iterations."""
    what = f"{dependence.kind} {dependence.source_access}"
    loop, _, depth = level.name.partition("@")
    where = f"the register tile along {loop}" if depth == "0" else f"loop {level.name}"
    does = "runs a dependence backwards" if backwards else "runs at once what must follow"
    text = f"schedule: fusion:S{dependence.sink} on S{dependence.source}: {where} {does} ({what}): "
    first, second = pair(
        pairs, *(nest.statements[k].loops for k in (dependence.source, dependence.sink))
    )
    element = element_text(dependence.source_access, first)
    text += f"{element} of S{dependence.source} {iteration_text(first)} and "
    text += f"S{dependence.sink} {iteration_text(second)}"
    return Refusal("fusion", level.name, dependence.sink, text)
