"""The statements as written, in plain C: the second oracle of every test, and the floor.

Nothing is chosen here but which loops threads share. Every iteration asks whether what it touches
is inside, and its sum is in memory.
"""

from __future__ import annotations

from compiler.codegen.scalar_expression import (
    combined,
    condition,
    element,
    expression,
    inside,
    library,
)
from compiler.codegen.scalar_nest import fixed_tensors, starting_lines
from compiler.lower.edges import questions
from compiler.lower.steps import iterator
from compiler.lower.tree import Path, Tree


def untransformed_body(tree: Tree) -> list[str]:
    """C lines of all statements of a tree without blocks, each in loops of its own."""
    lines = fixed_tensors(tree)
    for path in tree.paths():
        lines += starting_lines(tree, path) + _statement(tree, path)
    return lines


def _statement(tree: Tree, path: Path) -> list[str]:
    statement, lines = tree.statement(path.leaf), []
    shared = 0
    for depth, level in enumerate(path.loops):
        if level.parallel and not shared:  # once: a thread starts no others
            shared = next(
                (n for n, other in enumerate(path.loops[depth:]) if not other.parallel),
                len(path.loops) - depth,
            )
            lines.append("  " * depth + f"#pragma omp parallel for collapse({shared})")
        name, extent = iterator(level.name), tree.nest.extent(level.loop)
        lines.append("  " * depth + f"for (long {name} = 0; {name} < {extent}; ++{name})")
    asked = {q: condition(tree, q) for a in statement.accesses for q in questions(tree.nest, a)}
    functions = library(tree.nest.tensor(statement.target.tensor).dtype)
    value = expression(tree, statement.value, asked, functions)
    update = combined(statement.reduction, element(tree, statement.target), value, functions)
    where = inside(tree, statement.target, asked)
    return [*lines, "  " * len(path.loops) + (f"if ({where}) {update}" if where else update)]
