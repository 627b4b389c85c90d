"""Where a register tile stays inside its tensors: there its reads are straight loads.

A read that may leave its tensor asks questions (`compiler.lower.edges`). What one answer holds for
is printed twice, straight and asking:

    x[j - 1] on a tile     if (at_j - 1 >= 0) { ... LOAD(p) ... } else { ... vec_between(p) ... }
    x[k - 1] in a loop     for (r_k = 0; r_k < first; ++r_k) ...     asking
                           for (r_k = first; r_k < past; ++r_k) ...  straight
                           for (r_k = past; r_k < 64; ++r_k) ...     asking

A question is decided by the innermost loop inside the microkernel that moves its index; of one
that is printed whole, all steps are decided together.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from compiler.codegen.border_tile import BorderTile
from compiler.lower.edges import Question
from compiler.lower.steps import steps_of
from compiler.lower.tree import Level
from compiler.problem.primitive import Access, Affine


def straight_where_inside(
    tile: BorderTile, accesses: Collection[Access], printed: Callable[[BorderTile], list[str]]
) -> list[str]:
    """What `printed` makes of a tile, for the questions that no loop inside it moves."""
    asked = [q for q in questions_of(tile, accesses) if deciding(tile, q) is None]
    return versions(tile, asked, (), printed)


def versions(
    tile: BorderTile,
    asked: Collection[Question],
    around: Sequence[Level],
    printed: Callable[[BorderTile], list[str]],
) -> list[str]:
    """Both texts behind a condition on what `around` says of the tile; one where it never holds."""
    answered = [question for question in asked if _possible(tile, question)]
    if not answered:
        return printed(tile)
    condition = " && ".join(dict.fromkeys(_inside(tile, q, around) for q in answered))
    straight, asking = printed(tile.without(answered)), printed(tile)
    lines = [f"if ({condition}) {{", *("  " + line for line in straight), "} else {"]
    return [*lines, *("  " + line for line in asking), "}"]


def questions_of(tile: BorderTile, accesses: Collection[Access]) -> tuple[Question, ...]:
    """All that these reads ask, each once."""
    edges = (edge for edge in tile.operands.edges if edge.access in accesses)
    return tuple(dict.fromkeys(question for edge in edges for question in edge.questions))


def asks(tile: BorderTile, accesses: Collection[Access]) -> bool:
    """Whether it is the text that asks, beside a straight one."""
    return any(_possible(tile, question) for question in questions_of(tile, accesses))


def deciding(tile: BorderTile, question: Question) -> Level | None:
    """The innermost loop inside the microkernel that moves the index, one printed whole apart."""
    index, _ = question
    moving = [x for x in tile.leaf.levels if x.loop in index.loops and not is_whole(tile, x)]
    return moving[-1] if moving else None


def is_whole(tile: BorderTile, level: Level) -> bool:
    """Whether all steps of a loop are printed one after another."""
    leaf = tile.leaf
    if level != leaf.levels[-1] or level.loop == leaf.vector or leaf.unroll == 1:
        return False
    if any(border.tap == level.loop for border in tile.operands.borders):
        return False
    return _steps(tile, level) <= leaf.unroll


def steps_inside(tile: BorderTile, question: Question, level: Level) -> tuple[str, str]:
    """C expressions of the first and last + 1 of a loop's steps that are inside at all points.

    Empty where no step is outside. With c > 0, 0 <= c*r + rest for all points is
    r >= -(rest + least) / c, where `least` is what the points add at least.
    """
    index, size = question
    step = index.coefficient(level.loop) * level.points(tile.leaf.grain(level.loop))
    least, most = _reach(tile, index)
    rest = _place(tile, index, [x for x in tile.leaf.levels if x != level])
    below, beyond = sides(tile, question)
    low, high = f"{rest} + {least}", f"{size - 1 - most} - {rest}"
    if step > 0:
        first, past = f"ceild(-({low}), {step})", f"floord({high}, {step}) + 1"
        return first if below else "", past if beyond else ""
    first, past = f"ceild(-({high}), {-step})", f"floord({low}, {-step}) + 1"
    return first if beyond else "", past if below else ""


def _inside(tile: BorderTile, question: Question, around: Sequence[Level]) -> str:
    index, size = question
    place, (least, most) = _place(tile, index, around), _reach(tile, index)
    below, beyond = sides(tile, question)
    low, high = (f"{place} + {n}" if n else place for n in (least, most))
    texts = [f"{low} >= 0"] * below + [f"{high} < {size}"] * beyond
    return " && ".join(texts).replace("+ -", "- ")


def sides(tile: BorderTile, question: Question) -> tuple[bool, bool]:
    """Whether the index is below 0 anywhere, and whether it is beyond the size anywhere."""
    index, size = question
    low, high = index.bounds(_extents(tile))
    return low < 0, high >= size


def _possible(tile: BorderTile, question: Question) -> bool:
    """Whether all of a tile can be inside; of a few long ones none may be."""
    index, size = question
    low, high = index.bounds(_extents(tile))
    least, most = _reach(tile, index)
    return max(low, 0) <= min(high, size - 1) - (most - least)


def _extents(tile: BorderTile) -> dict[str, int]:
    """Of whole loops, also where the tile runs over regions of them."""
    return {g.loop: g.extent if g.region is None else g.region.extent for g in tile.leaf.grains}


def _reach(tile: BorderTile, index: Affine) -> tuple[int, int]:
    """What points, lanes and steps printed whole add to an index, at least and at most."""
    leaf = tile.leaf
    sizes = {one.loop: one.size for one in tile.point_loops}
    rest = leaf.lanes * tile.vectors.size
    if lanes := tile.partial(tile.vectors.size - 1):
        rest -= leaf.lanes - lanes
    sizes[leaf.vector] = rest
    whole = [level for level in leaf.levels if is_whole(tile, level)]
    sizes |= {level.loop: _steps(tile, level) for level in whole}
    ends = [c * (sizes.get(loop, 1) - 1) for loop, c in index.terms]
    return sum(min(0, end) for end in ends), sum(max(0, end) for end in ends)


def _steps(tile: BorderTile, level: Level) -> int:
    """Of a loop whose end is a number; of others too many."""
    grain = tile.leaf.grain(level.loop)
    end = next(s for s in steps_of(tile.path, grain) if s.level == level).end
    return int(end) if end.isdigit() else tile.leaf.unroll + 1


def _place(tile: BorderTile, index: Affine, levels: Sequence[Level]) -> str:
    """C text of an index at the tile's first point; of the loops inside, these have a step."""
    terms = [times(tile.position(x, (), 0, levels), c) for x, c in index.terms]
    return f"({' + '.join([*terms, str(index.constant)])})".replace("+ -", "- ")


def times(text: str, factor: int) -> str:
    """C text of a sum that is multiplied."""
    return text if factor == 1 else f"({text}) * {factor}"
