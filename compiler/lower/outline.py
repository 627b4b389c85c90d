"""A lowered tree as text for people: its loops, what waits for what, what is stored.

    layout weight as Abcd16a: 2 x 100 x 3 x 1 x 16
    for ic@1: 2 pieces of 64 or 36
      parallel for oh: 7
        for ow: 3 tiles of 6 or 5
          microkernel broadcast: 2 vectors of 16 oc x 6 or 5 ow; vectors of weight, scalars of data
            sums start at 0 in the first piece of ic@1, else at what out holds
            for kh: 3, inside data
              for ic: 64 or 36, 4 at once
                S0: out[0, oc, oh, ow] += data[0, ic, oh + kh - 1, ow] * weight[oc, ic, kh, 0]
            in the last piece of ic@1
              S1: relu[0, oc, oh, ow] = max(out[0, oc, oh, ow] + bias[oc], 0)
              store relu
            else
              store out

A number is of iterations; where the pieces of a loop differ, all that occur stand there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import prod

from compiler.lower.border_classes import Border
from compiler.lower.operands import Factors, Packed, Summand, operands, streamed
from compiler.lower.stages import times_computed
from compiler.lower.tree import (
    Grain,
    Leaf,
    Level,
    Loops,
    Microkernel,
    Path,
    Private,
    Scalar,
    StageBuffer,
    Subtree,
    Tree,
    last_leaf,
    surrounding,
)
from compiler.problem.primitive import Affine, Expression, Number, Read, Statement
from compiler.schedule.layout import Layout

INFIX = {"add": ("+", 1), "sub": ("-", 1), "mul": ("*", 2), "div": ("/", 2)}  # how tight it binds
STARTS = {"add": ("sums", "0"), "max": ("maxima", "-inf"), "min": ("minima", "inf")}
Pieces = tuple[int, ...]  # of the pieces that occur, largest first


def outline(tree: Tree) -> str:
    """The tree of a schedule that fits, a line a loop or statement, indented by two blanks.

    ScheduleError where an operand of a microkernel cannot lie as the schedule says.
    """
    lines = [f"layout {name} as {tag}: {_shape(tree.layout_of(name))}" for name, tag in tree.layout]
    for copy in dict.fromkeys(copy for path in tree.paths() for copy in _copies(tree, path)):
        padded = "" if copy.target.shape == copy.source.shape else ", padded"
        lines.append(f"pack {copy.tensor} as {copy.target.tag()}: {_shape(copy.target)}{padded}")
    for node in tree.body:
        lines += _node(tree, Path((), last_leaf(node)), node)
    return "\n".join(lines)


def _shape(layout: Layout) -> str:
    """Its dimensions and blocks in memory, the contiguous one last."""
    outer = [layout.outer[d] for d in layout.order]
    return " x ".join(str(size) for size in (*outer, *(size for _, size in layout.blocks)))


def _copies(tree: Tree, path: Path) -> tuple[Packed, ...]:
    return operands(tree, path.leaf).copies if isinstance(path.leaf, Microkernel) else ()


def _node(tree: Tree, above: Path, node: Subtree) -> list[str]:
    """The lines of a subtree; `above` has the levels around it."""
    if isinstance(node, Private):
        return _copied(tree, node)
    if not isinstance(node, Loops):
        return _scalar(tree, node) if isinstance(node, Scalar) else _microkernel(tree, above, node)
    path = replace(above, loops=(*above.loops, *node.levels))
    *attached, last = node.body
    around = surrounding(path.loops, path.leaf, path.around)
    body = [_staged(tree, stage) for stage in node.stages]
    for child in attached:
        body += _node(tree, Path((), last_leaf(child), around=around), child)
    body += _node(tree, path, last)
    leaf = path.leaf
    every = (*path.loops, *_levels_below(last))
    inside = _clipped(tree, leaf, every)
    heads = []
    for number, level in enumerate(node.levels, len(above.loops)):
        shared = "parallel " if level.parallel else ""
        where = f", inside {inside[level.name]}" if level.name in inside else ""
        head = _head(leaf, path.loops[: number + 1])
        heads.append(f"{shared}{head}{_from(path, number)}{where}")
    return _nested(heads, body)


def _copied(tree: Tree, node: Private) -> list[str]:
    """What sums into copies of a tensor, and their sum."""
    path = Path((), last_leaf(node), node.levels)
    copies = prod(path.copies)
    names = " and ".join(level.name for level in node.levels)
    noun, _ = STARTS[tree.statement(path.leaf).reduction or "add"]
    inside = [line for child in node.body for line in _node(tree, path, child)]
    head = f"{copies} copies of {node.tensor}, one for each piece of {names}"
    return [head, *_indented(inside), f"{node.tensor} takes the {noun} of its copies, in order"]


def _staged(tree: Tree, stage: StageBuffer) -> str:
    """A buffer of one piece, and how often what it holds is computed in all of them."""
    writers = (
        path
        for path in tree.paths()
        if any(tree.nest.statements[n].target.tensor == stage.tensor for n in path.leaf.statements)
    )
    times = f"{times_computed(tree.nest, next(writers)):.3g}"
    again = "" if times == "1" else f", computed {times} times"
    if stage.rolling is not None:
        again += f", {stage.rolling.kept.points} along {stage.rolling.loop} kept"
    return f"stage {stage.tensor}: {_shape(stage.layout)}, {stage.layout.bytes} bytes{again}"


def _levels_below(node: Subtree) -> tuple[Level, ...]:
    """The levels of the same statement that are deeper."""
    return (*node.levels, *_levels_below(node.body[-1])) if isinstance(node, Loops) else ()


def _from(path: Path, number: int) -> str:
    """Where the region of a loop starts, at the loop's outermost level."""
    loop = path.loops[number].loop
    region = path.leaf.grain(loop).region
    if region is None or any(level.loop == loop for level in path.loops[:number]):
        return ""
    names = {one.piece: one.level.name for one in path.around}
    terms = tuple((names.get(x, x), c) for x, c in region.start.terms)
    past = "" if region.kept is None else " past what is kept"
    return f", from {Affine(terms, region.start.constant)}{past}"


def _clipped(tree: Tree, leaf: Leaf, levels: Sequence[Level]) -> dict[str, str]:
    """By level, the tensor that the iterations left out would be outside of."""
    places = {level.name: place for place, level in enumerate(levels)}
    if isinstance(leaf, Scalar):
        clips = [(clip.index, clip.access.tensor) for clip in leaf.clips]
    else:
        target = tree.statement(leaf).target.tensor
        clips = [(crop.index, target) for crop in operands(tree, leaf).crops]
    return {max(index.loops, key=places.__getitem__): tensor for index, tensor in clips}


def _scalar(tree: Tree, leaf: Scalar) -> list[str]:
    return [_statement(leaf.statement, tree.statement(leaf))]


def _microkernel(tree: Tree, path: Path, leaf: Microkernel) -> list[str]:
    placed = operands(tree, leaf)
    body: list[str] = []
    assigned = leaf.statements
    if placed.reduced is not None:
        body += _reduction(tree, path, leaf, placed.reduced)
        assigned = assigned[1:]
    ends = [_statement(n, one) for n, one in zip(assigned, placed.assignments, strict=True)]
    past = " past the caches" if leaf.nontemporal else ""
    if not leaf.form.library:  # which adds to the output in memory
        ends += [f"store {address.access.tensor}{past}" for address in placed.stores]
    between = [f"store {placed.output.access.tensor}{past}"]
    if placed.last:
        names = " and ".join(level.name for level in placed.last)
        body += [f"in the last piece of {names}", *_indented(ends), "else", *_indented(between)]
    else:
        body += between if path.cut and not ends and not leaf.form.library else ends
    return [_signature(leaf, placed.reduced), *_indented(body)]


def _signature(leaf: Microkernel, reduced: Factors | Summand | None) -> str:
    """Its form, the shape of its register tile, and how it reads two factors."""
    shape: list[str] = []
    for grain in leaf.grains:
        sizes = _listed(size for _, size in grain.runs)
        if grain.loop == leaf.vector:
            shape.insert(0, f"{_counted(sizes, 'vector')} of {grain.lanes} {grain.loop}")
        elif grain.points > 1 and not grain.summed:
            shape.append(f"{sizes} {grain.loop}")
    text = f"microkernel {leaf.form.name}: {' x '.join(shape)}"
    if not isinstance(reduced, Factors):
        return text
    vector, scalar = reduced.vector.access.tensor, reduced.broadcast.access.tensor
    return f"{text}; vectors of {vector}, scalars of {scalar}"


def _reduction(tree: Tree, path: Path, leaf: Microkernel, reduced: Factors | Summand) -> list[str]:
    """Where the accumulators start, and the reduction loops around what they take."""
    statement = tree.statement(leaf)
    target, (noun, first_value) = statement.target.tensor, STARTS[statement.reduction or "add"]
    start = f"{noun} start at {f'what {target} holds' if reduced.accumulate else first_value}"
    if path.private and reduced.accumulate:
        start += f", in other copies at {first_value}"
    cut = [level for level in path.cut if level not in path.private]
    if cut and not (reduced.accumulate and not path.private):
        first = " and ".join(level.name for level in cut)
        start += f" in the first piece of {first}, else at what {target} holds"
    inside = {border.tap: _padded(border, statement) for border in reduced.borders}
    own = {level.loop for level in leaf.levels}
    heads = [f"if {tap} is inside {name}" for tap, name in inside.items() if tap not in own]
    for number, level in enumerate(leaf.levels):
        head = _head(leaf, (*path.loops, *leaf.levels[: number + 1]))
        if level.loop in inside and level.name == level.loop:
            head += f", inside {inside[level.loop]}"
        if leaf.unroll > 1 and level == leaf.levels[-1]:
            head += f", {leaf.unroll} at once"
        heads.append(head)
    step = [_statement(leaf.statement, statement)]
    if leaf.prefetch:
        names = " and ".join(address.access.tensor for address in streamed(leaf, reduced))
        step.insert(0, f"prefetch {names} {leaf.prefetch} bytes ahead")
    step = [f"prefetch {tensor} of the next {level}" for tensor, level in leaf.ahead] + step
    join = [f"join the lanes of the {noun}"] if leaf.form.across else []
    return [start, *_nested(heads, step), *join]


def _padded(border: Border, statement: Statement) -> str:
    """The tensor that a tap reads past."""
    return next(
        access.tensor
        for access in statement.reads
        if any({border.point, border.tap} <= set(index.loops) for index in access.indices)
    )


def _head(leaf: Leaf, levels: Sequence[Level]) -> str:
    """A level with the number of its iterations and what one of them holds.

    `levels` are those around it, it last.
    """
    *above, level = levels
    grain = leaf.grain(level.loop)
    around = _counts(grain)
    for other in above:
        if other.loop == level.loop:
            around = _pieces(around, other.step)
    counts = _listed(-(-size // level.step) for size in around)
    tiled = grain.points > 1
    if level.step > 1 or level.name != level.loop:
        sizes = _listed(_pieces(around, level.step))
        held = _counted(counts, "piece") + f" of {sizes}" + (" tiles" if tiled else "")
    elif tiled:
        points = _listed(size * grain.lanes for _, size in grain.runs)
        held = _counted(counts, "tile") + f" of {points}"
    else:
        held = counts
    return f"for {level.name}: {held}"


def _counts(grain: Grain) -> Pieces:
    """How many grains a region has, or all of the loop."""
    if grain.region is None:
        return (grain.count,)
    counts = {-(-size // grain.points) for size in grain.region.sizes} - {0}
    return tuple(sorted(counts, reverse=True))


def _counted(count: str, noun: str) -> str:
    return f"{count} {noun}" if count == "1" else f"{count} {noun}s"


def _pieces(around: Pieces, step: int) -> Pieces:
    """The sizes of pieces of `step` grains, where those that they cut have the sizes `around`."""
    sizes = {min(step, size) for size in around} | {size % step for size in around}
    return tuple(sorted(sizes - {0}, reverse=True))


def _listed(sizes: Iterable[int]) -> str:
    """All sizes that occur, the largest first: 6 or 5."""
    return " or ".join(str(size) for size in sorted(set(sizes), reverse=True))


def _nested(heads: Sequence[str], body: Sequence[str]) -> list[str]:
    lines = list(body)
    for head in reversed(heads):
        lines = [head, *_indented(lines)]
    return lines


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def _statement(number: int, one: Statement) -> str:
    value = _expression(one.value)
    if one.reduction == "add":
        return f"S{number}: {one.target} += {value}"
    if one.reduction:
        return f"S{number}: {one.target} = {one.reduction}({one.target}, {value})"
    return f"S{number}: {one.target} = {value}"


def _expression(value: Expression, around: int = 0) -> str:
    """As a statement is written; in parentheses where what is `around` binds tighter."""
    if isinstance(value, Read):
        return str(value.access)
    if isinstance(value, Number):
        return f"{value.value:.6g}"
    if value.function == "neg":
        return f"-{_expression(value.arguments[0], 3)}"
    if value.function in INFIX:
        sign, binding = INFIX[value.function]
        left, right = value.arguments
        text = f"{_expression(left, binding)} {sign} {_expression(right, binding + 1)}"
        return f"({text})" if binding < around else text
    return f"{value.function}({', '.join(map(_expression, value.arguments))})"
