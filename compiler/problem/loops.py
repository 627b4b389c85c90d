"""Which names of the statements are loops, and which are parameters.

1. Every name in `extents` is a loop.
2. A size that stands alone as a whole index of some access is a loop (`ic` in `data[n, ic]`).
3. In a statement that reduces, a size that is not yet a loop and is added with a positive sign,
   alone or as the first name of a product of sizes and numbers, is a loop (`kh` in the index
   `oh*stride + kh*dilation - pad_h` of a max pooling, which has no weight to name kh).
Everything else is a parameter: the sizes subtracted (`- pad_h`) and the other factors.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache

from compiler.problem.expression import RawStatement


def loops_of(
    statements: Sequence[RawStatement], sizes: Collection[str], extents: Collection[str]
) -> frozenset[str]:
    """The names that are loops, by the rule at the top of this file."""
    loops = set(extents)
    for index in _indices(statements):
        if isinstance(index, ast.Name) and index.id in sizes:
            loops.add(index.id)
    for index in _indices([s for s in statements if s.reduction is not None]):
        for term in _added(index, True):
            factors = list(_factors(term))
            names = [f.id for f in factors if isinstance(f, ast.Name)]
            plain = all(isinstance(f, (ast.Name, ast.Constant)) for f in factors)
            if names and plain and all(n in sizes and n not in loops for n in names):
                loops.add(names[0])
    return frozenset(loops)


def used_loops(statement: RawStatement, loops: Collection[str]) -> tuple[str, ...]:
    """Loops in the indices of a statement, in order of first appearance, target first."""
    found: dict[str, None] = {}
    for index in _indices([statement]):
        names = [n for n in ast.walk(index) if isinstance(n, ast.Name)]
        for name in sorted(names, key=lambda n: (n.lineno, n.col_offset)):
            if name.id in loops:
                found[name.id] = None
    return tuple(found)


def coefficients(statements: Sequence[RawStatement], loops: Collection[str]) -> frozenset[str]:
    """Parameters that multiply a loop in some index, such as stride and dilation."""
    found: set[str] = set()
    for index in _indices(statements):
        for node in ast.walk(index):
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
                for one, other in ((node.left, node.right), (node.right, node.left)):
                    if _names(one) & set(loops):
                        found |= _names(other) - set(loops)
    return frozenset(found)


@lru_cache(maxsize=1024)
def divisors(formula: str) -> frozenset[str]:
    """Names that divide in the formula of an extent or a dimension."""
    try:
        tree = ast.parse(formula.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()  # refused with its column where the formula is evaluated
    quotients = (n for n in ast.walk(tree) if isinstance(n, ast.BinOp))
    return frozenset(
        n.right.id
        for n in quotients
        if isinstance(n.op, ast.FloorDiv) and isinstance(n.right, ast.Name)
    )


def _indices(statements: Sequence[RawStatement]) -> Iterator[ast.expr]:
    for statement in statements:
        for access in statement.accesses:
            yield from access.indices


def _names(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def _added(node: ast.expr, positive: bool) -> Iterator[ast.expr]:
    """The terms of a sum that carry a positive sign."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
        yield from _added(node.left, positive)
        yield from _added(node.right, positive == isinstance(node.op, ast.Add))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield from _added(node.operand, not positive)
    elif positive:
        yield node


def _factors(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        yield from _factors(node.left)
        yield from _factors(node.right)
    else:
        yield node
