"""Divisors and factors moved behind the sum of products whose terms they are part of.

    p[m,n] = e[m,n] / t[m]              out[m,v] += e[m,n] * w[n,v]
    out[m,v] += p[m,n] * w[n,v]         out[m,v] = out[m,v] / t[m]

Over real numbers both are the same. In floating point the sum is rounded before the division
instead of its terms after it, and a sum may overflow whose terms are small: so it is done where
REASSOCIATE is allowed, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from compiler.model.accesses import mapped
from compiler.problem.primitive import (
    Access,
    Affine,
    Call,
    Expression,
    Primitive,
    Read,
    Statement,
    reads_of,
)

REASSOCIATE = "reassociate"
NUMERICS = (REASSOCIATE,)  # what a schedule may change of rounding beyond the order of a sum


@dataclass(frozen=True)
class _Scaled:
    """A statement `target = terms / factor`, or `terms * factor`, in the loops of the sum."""

    terms: Read
    function: str
    factor: Expression


def reassociated(primitive: Primitive) -> Primitive | None:
    """The primitive with all moved that may be; None where nothing is."""
    for number, statement in enumerate(primitive.statements):
        later = primitive.statements[number + 1 :]
        users = [one for one in later if statement.target.tensor in one.tensors]
        temporary = primitive.tensor(statement.target.tensor).role == "temporary"
        if temporary and len(users) == 1 and statement.reduction is None:
            moved = _moved(primitive, statement, users[0])
            if moved is not None:
                return reassociated(moved) or moved
    return None


def _moved(primitive: Primitive, statement: Statement, total: Statement) -> Primitive | None:
    """With the factor of a statement behind the only sum that reads what it computes."""
    own = [a for a in total.reads if a.tensor == statement.target.tensor]
    names = _names(primitive, statement, own[0]) if len(own) == 1 else None
    found = _scaled(statement, total, names) if names is not None else None
    if found is None or not _products(total.value, own[0]) or not _first(primitive, total):
        return None
    first, last = (primitive.statements.index(one) for one in (statement, total))
    written = {one.target.tensor for one in primitive.statements[first + 1 : last + 1]}
    if written & {access.tensor for access in (found.terms.access, *reads_of(found.factor))}:
        return None
    value = Call(found.function, (Read(total.target), found.factor))
    behind = Statement(
        total.target, None, value, total.target.loops, f"{statement.text}, behind the sum"
    )
    summed = mapped(total, lambda access: found.terms.access if access == own[0] else access)
    every = [one for one in primitive.statements if one is not statement]
    every[last - 1 : last] = [summed, behind]
    used = {name for one in every for name in one.tensors}
    return replace(
        primitive,
        statements=tuple(every),
        tensors=tuple(t for t in primitive.tensors if t.name in used),
        extents=tuple((x, n) for x, n in primitive.extents if any(x in s.loops for s in every)),
    )


def _names(primitive: Primitive, statement: Statement, read: Access) -> dict[str, str] | None:
    """The statement's loops as the sum names them, if it reads each element that is written."""
    names: dict[str, str] = {}
    for index, other in zip(statement.target.indices, read.indices, strict=True):
        if len(index.loops) != len(other.loops):
            return None
        for loop, name in zip(index.loops, other.loops, strict=True):
            alike = index == Affine(((loop, 1),)) and other == Affine(((name, 1),))
            if not alike or primitive.extent(loop) != primitive.extent(name):
                return None
            names[loop] = name
        if not index.loops and index != other:
            return None
    once = len(set(names.values())) == len(statement.target.loops)
    return names if once and set(statement.loops) == set(names) else None


def _scaled(statement: Statement, total: Statement, names: Mapping[str, str]) -> _Scaled | None:
    """What stays a term and what does not change along the sum; None where there is no such."""
    value = _renamed(statement, names).value
    if not isinstance(value, Call) or value.function not in ("mul", "div"):
        return None
    pairs = [value.arguments, value.arguments[::-1]][: 1 + (value.function == "mul")]
    for terms, factor in pairs:
        varies = {loop for access in reads_of(factor) for loop in access.loops}
        if isinstance(terms, Read) and not varies & set(total.reduction_loops):
            return _Scaled(terms, value.function, factor)
    return None


def _renamed(statement: Statement, names: Mapping[str, str]) -> Statement:
    def index(one: Affine) -> Affine:
        return Affine(tuple(sorted((names[loop], c) for loop, c in one.terms)), one.constant)

    return mapped(statement, lambda a: Access(a.tensor, tuple(map(index, a.indices))))


def _products(value: Expression, read: Access) -> bool:
    """Whether an expression is a product of which a read is one factor."""
    if isinstance(value, Call) and value.function == "mul":
        return any(_products(argument, read) for argument in value.arguments)
    return value == Read(read)


def _first(primitive: Primitive, total: Statement) -> bool:
    """Whether a statement adds up from zero: nothing was in its target before."""
    name = total.target.tensor
    writers = [one for one in primitive.statements if name in one.tensors]
    return (
        total.reduction == "add"
        and primitive.start_of(name) == 0
        and writers[0] is total
        and name not in {access.tensor for access in total.reads}
    )
