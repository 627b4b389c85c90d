"""A schedule as the perfect nest that the paper's analysis of reuse works on.

order:oc+oh+ow+kh+kw+ic, tile ow.7 and oc.4 vectors of 16, on a 512x512x7x7 layer
loops: oc 8, oh 7, kh 3, kw 3, ic 512, ow@0 7, oc@0 64
"""

from __future__ import annotations

from compiler.errors import ProblemError
from compiler.lower.tree import Microkernel, Path, Tree
from compiler.microkernel.contraction import anchor
from compiler.model.perfect_nest import PerfectNest
from compiler.problem.primitive import Access, Affine


def nest_of_tree(tree: Tree) -> PerfectNest:
    """The levels of a tree, then the points of its register tile, those of the vector last.

    Uneven pieces count as the largest one and loops of extent 1 are dropped. A form that adds to
    memory has no register tile as a level of its own: finest levels go point by point, as in the
    paper, whose innermost loops are a library's matrix product. Each piece of a private level has
    its own copy of the target. Of several statements the largest
    sum of products is analysed; ProblemError when there is none.
    """
    path = _analysed_path(tree)
    grains = {grain.loop: grain for grain in path.leaf.grains}
    inside = {loop: grain.extent for loop, grain in grains.items()}
    loops: list[tuple[str, int]] = []
    steps: dict[str, list[tuple[str, int]]] = {loop: [] for loop in inside}

    def add(level: str, loop: str, points: int) -> None:
        """Cut what is inside of a loop into pieces of `points`."""
        pieces = -(-inside[loop] // points)
        if pieces > 1:
            loops.append((level, pieces))
            steps[loop].append((level, points))
            inside[loop] = points

    leaf = path.leaf
    vector = leaf.vector if isinstance(leaf, Microkernel) else ""
    in_memory = isinstance(leaf, Microkernel) and leaf.form.memory
    for level in path.levels:
        finest = level.name == level.loop
        add(level.name, level.loop, 1 if in_memory and finest else level.points(grains[level.loop]))
    for level in sorted(leaf.points, key=lambda level: level.loop == vector):
        add(level.name, level.loop, 1)
    statement = tree.statement(leaf)
    target = _by_level(statement.target, steps)
    copies = tuple(Affine(((x.name, 1),)) for x in path.private if x.name in dict(loops))
    target = Access(target.tensor, (*copies, *target.indices))
    reads = (access for access in statement.reads if access != statement.target)
    accesses = (target, *(_by_level(access, steps) for access in dict.fromkeys(reads)))
    return PerfectNest(tuple(loops), accesses)


def analysed_parallel(analysed: PerfectNest, tree: Tree) -> str | None:
    """The loop whose iterations run at once: the outermost parallel level that is a loop."""
    parallel = {level.name for level in _analysed_path(tree).levels if level.parallel}
    return next((loop for loop, _ in analysed.loops if loop in parallel), None)


def _analysed_path(tree: Tree) -> Path:
    """The path of the sum of products that the others are arranged around.

    What is fused into it, or runs apart, is the same for every schedule of it.
    """
    paths = tree.paths()
    number = anchor(tree.nest)
    found = [path for path in paths if path.leaf.statement == number]
    if len(paths) != 1 and not found:
        raise ProblemError(
            f"{tree.nest.name}: reuse is analysed for one statement, this primitive has "
            f"{len(paths)}"
        )
    return (found or paths)[0]


def _by_level(access: Access, steps: dict[str, list[tuple[str, int]]]) -> Access:
    """The access with every loop as the sum of its levels: `ic` becomes `64*ic@1 + ic`."""
    indices = []
    for index in access.indices:
        terms = [(level, c * points) for loop, c in index.terms for level, points in steps[loop]]
        indices.append(Affine(tuple(sorted(terms)), index.constant))
    return Access(access.tensor, tuple(indices))
