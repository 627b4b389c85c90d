"""Whether attached statements run as often as they must.

What is computed in a piece is what is read there. On a stage that is all: every element that is
read must be written in the same piece, once. A target that exists in full is computed once: no
iteration in two pieces of the levels around, none in no piece.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import islpy as isl

from compiler.lower.isl_tree import pieces_map, times_map
from compiler.lower.refusal import Refusal, element_text, iteration_text
from compiler.lower.tree import Path, StageBuffer, Tree
from compiler.model.isl_names import (
    access_map,
    coordinates,
    executed_domain,
    first_times,
    iteration,
    twice,
)
from compiler.problem.primitive import Access


def structural_pieces(tree: Tree) -> Refusal | None:
    """As `broken_pieces`, without isl where pieces evidently are side by side and hold all."""
    for path in tree.paths():
        if path.around and not (_on_stages(tree, path) or _side_by_side(path)):
            found = _broken(tree, path)
            if found is not None:
                return found
    deeper = (stage for stage in tree.stages if _written_deeper(tree, stage))
    return next(filter(None, (_missing(tree, stage) for stage in deeper)), None)


def broken_pieces(tree: Tree) -> Refusal | None:
    """The first attached statement of which an iteration runs twice or never, or is missing."""
    for path in tree.paths():
        found = _broken(tree, path) if path.around else None
        if found is not None:
            return found
    return next(filter(None, (_missing(tree, stage) for stage in tree.stages)), None)


def _on_stages(tree: Tree, path: Path) -> bool:
    """Whether all that a leaf writes is on stages of the very piece that it runs in."""
    targets = (tree.nest.statements[number].target.tensor for number in path.leaf.statements)
    return all(tree.staged(target) == len(path.around) for target in targets)


def _written_deeper(tree: Tree, stage: StageBuffer) -> bool:
    """Whether a stage is written inside levels of another leaf there, which may have no piece."""
    return any(
        len(path.around) > stage.at
        for path in tree.paths()
        for number in path.leaf.statements
        if tree.nest.statements[number].target.tensor == stage.tensor
    )


def _side_by_side(path: Path) -> bool:
    """Whether each loop around moves one region, by as much as the region holds."""
    finest = {(one.statement, one.level.loop): one.piece for one in path.around}
    moved = []
    for region in path.regions:
        if len(region.start.terms) != 1 or region.start.constant:
            return False
        piece, points = region.start.terms[0]
        around = [one for one in path.around if one.piece == piece]
        if not around or points != region.reach or around[0].grain.region is not None:
            return False
        count = around[0].grain.pieces(around[0].level)
        if count * points < region.extent:
            return False
        moved.append(piece)
    return sorted(moved) == sorted(finest.values())


def _broken(tree: Tree, path: Path) -> Refusal | None:
    nest = tree.nest
    for one in (None, *path.leaf.fused):
        number = path.leaf.statement if one is None else one.statement
        target = nest.statements[number].target
        alone = tree.staged(target.tensor)
        full = not alone and tree.stage(target.tensor) is None
        loops, executed = nest.statements[number].loops, executed_domain(nest, number)
        pieces = pieces_map(nest, path, one).intersect_domain(executed)
        text = ""
        if (found := twice(pieces, loops, alone)) is not None:
            point, first, second = found
            both = f"{_named(path, first)} and in {_named(path, second)}"
            text = f"{iteration_text(point)} writes {element_text(target, point)} in {both}"
        elif full and not executed.is_subset(pieces.domain()):
            point = iteration(executed.subtract(pieces.domain()).lexmin(), loops)
            text = f"{iteration_text(point)} writes {element_text(target, point)} in no piece"
        if text:
            level = path.around[-1].level.name
            place = f"schedule: fusion:S{path.leaf.statement}.{level}"
            return Refusal("fusion", level, number, f"{place}: S{number} {text}")
    return None


def _missing(tree: Tree, stage: StageBuffer) -> Refusal | None:
    """The first element that is read in a piece which does not write it, though another one does.

    What no statement writes is as each piece begins: at the value that the target starts from.
    """
    nest = tree.nest
    written: dict[int, isl.Map] = {}  # by statement: from pieces to elements
    anywhere: list[isl.Set] = []
    read: list[tuple[int, Access, isl.Map]] = []
    for path in tree.paths():
        for one in (None, *path.leaf.fused):
            number = path.leaf.statement if one is None else one.statement
            statement = nest.statements[number]
            used = [a for a in dict.fromkeys(statement.reads) if a.tensor == stage.tensor]
            if statement.target.tensor != stage.tensor and not used:
                continue
            times = times_map(nest, path, one).intersect_domain(executed_domain(nest, number))
            pieces = first_times(times, stage.depth).reverse()
            read += [(number, a, pieces) for a in used]
            if statement.target.tensor == stage.tensor:
                target = access_map(nest, number, statement.target)
                written[number] = pieces.apply_range(target)
                anywhere.append(target.intersect_domain(executed_domain(nest, number)).range())
    every, elements = reduce(isl.Map.union, written.values()), reduce(isl.Set.union, anywhere)
    for number, access, pieces in read:
        lacking = pieces.apply_range(access_map(nest, number, access)).subtract(every)
        lacking = lacking.intersect_range(elements)
        if not lacking.is_empty():
            return _refused(tree, stage, number, access, pieces, lacking)
    return None


def _refused(
    tree: Tree, stage: StageBuffer, number: int, access: Access, pieces: isl.Map, lacking: isl.Map
) -> Refusal:
    """Names the element, the iteration that reads it, and one that would write it."""
    nest, lacking = tree.nest, lacking.lexmin()
    piece = lacking.domain().lexmin()
    element = lacking.intersect_domain(piece).range()
    reads = access_map(nest, number, access).intersect_range(element).domain()
    reader = iteration(
        reads.intersect(pieces.intersect_domain(piece).range()), nest.statements[number].loops
    )
    place = ", ".join(map(str, coordinates(element)))
    text = f"S{number} {iteration_text(reader)} reads {stage.tensor}[{place}]"
    for other, statement in enumerate(nest.statements):
        if statement.target.tensor == stage.tensor:
            writes = access_map(nest, other, statement.target).intersect_range(element).domain()
            writes = writes.intersect(executed_domain(nest, other))
            if not writes.is_empty():
                writer = iteration(writes.lexmin(), statement.loops)
                text += f", which S{other} writes {iteration_text(writer)}, in another piece"
                break
    return Refusal("fusion", "", number, f"schedule: fusion: {text}")


def _named(path: Path, pieces: Sequence[int]) -> str:
    """A piece by its levels."""
    named = zip((one.level.name for one in path.around), pieces, strict=True)
    return f"piece {', '.join(f'{level}={number}' for level, number in named)}"
