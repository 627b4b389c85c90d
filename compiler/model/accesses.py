"""All accesses of a nest, and statements with every access changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from compiler.problem.primitive import Access, Call, Expression, Primitive, Read, Statement


def accesses(nest: Primitive) -> Iterator[Access]:
    """Every access, by statement, target first."""
    for statement in nest.statements:
        yield from statement.accesses


def mapped(statement: Statement, change: Callable[[Access], Access]) -> Statement:
    """The statement with every access changed; its text stays the user's."""

    def inside(expression: Expression) -> Expression:
        if isinstance(expression, Read):
            return Read(change(expression.access))
        if isinstance(expression, Call):
            return Call(expression.function, tuple(inside(a) for a in expression.arguments))
        return expression

    return replace(statement, target=change(statement.target), value=inside(statement.value))
