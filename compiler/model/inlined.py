"""An intermediate that is computed element by element and summed once is computed where it is read.

    y[i,j] = x[i,j] * w[j]               s[i] += abs(x[i,j] * w[j])
    s[i] += abs(y[i,j])             ->

So it is never stored. Nothing is computed twice: the reader has no more iterations than there are
elements. What is read element by element keeps its statement, which register tiles take up.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod

from compiler.model.accesses import mapped
from compiler.problem.primitive import (
    Access,
    Affine,
    Call,
    Expression,
    Primitive,
    Read,
    Statement,
)


def inlined(nest: Primitive) -> Primitive:
    """The nest without the statements whose only reader can do their work."""
    for number, statement in enumerate(nest.statements):
        reader = _reader(nest, number)
        if reader is not None:
            return inlined(_without(nest, statement, reader))
    return nest


def _reader(nest: Primitive, number: int) -> int | None:
    """The reduction that alone reads what a statement writes, once and all inside, if there is one.

    What the statement reads is still there when the reduction runs, and none of it is its own.
    """
    statement = nest.statements[number]
    tensor = nest.tensor(statement.target.tensor)
    readers = [k for k, s in enumerate(nest.statements) if tensor.name in s.tensors]
    if tensor.role != "temporary" or len(readers) != 2 or readers[0] != number:
        return None
    reader = nest.statements[readers[1]]
    reads = [access for access in reader.reads if access.tensor == tensor.name]
    taken = {access.tensor for access in statement.reads}
    written = {s.target.tensor for s in nest.statements[number + 1 : readers[1] + 1]}
    if (
        statement.reduction is not None
        or not reader.reduction_loops
        or len(reads) != 1
        or tensor.name in taken
        or written & {tensor.name, *taken}
        or not _whole(nest, statement)
        or not _inside(nest, reads[0])
        or prod(map(nest.extent, reader.loops)) > tensor.elements
    ):
        return None
    return readers[1]


def _whole(nest: Primitive, statement: Statement) -> bool:
    """Whether a loop of its own runs along each dimension of the target, all of it."""
    target = statement.target
    shape = nest.tensor(target.tensor).shape
    alone = [index.loops for index in target.indices if index.terms]
    plain = all(
        (not index.terms and not index.constant and size == 1)
        or any(index == Affine(((x, 1),)) and nest.extent(x) == size for x in index.loops)
        for index, size in zip(target.indices, shape, strict=True)
    )
    return plain and len(set(alone)) == len(alone)


def _inside(nest: Primitive, access: Access) -> bool:
    extents = dict(nest.extents)
    shape = nest.tensor(access.tensor).shape
    bounds = (index.bounds(extents) for index in access.indices)
    return all(low >= 0 and high < size for (low, high), size in zip(bounds, shape, strict=True))


def _without(nest: Primitive, statement: Statement, number: int) -> Primitive:
    reader = nest.statements[number]
    name = statement.target.tensor
    (read,) = (access for access in reader.reads if access.tensor == name)
    at = {
        own.loops[0]: index
        for own, index in zip(statement.target.indices, read.indices, strict=True)
        if own.loops
    }

    def moved(access: Access) -> Access:
        return Access(access.tensor, tuple(_at(index, at) for index in access.indices))

    value = _replaced(reader.value, read, mapped(statement, moved).value)
    kept = tuple(one for one in nest.statements if one is not statement)
    statements = tuple(replace(one, value=value) if one is reader else one for one in kept)
    used = {loop for one in statements for loop in one.loops}
    return replace(
        nest,
        extents=tuple((loop, n) for loop, n in nest.extents if loop in used),
        tensors=tuple(tensor for tensor in nest.tensors if tensor.name != name),
        statements=statements,
    )


def _at(index: Affine, loops: dict[str, Affine]) -> Affine:
    """An index with other indices in the place of its loops."""
    terms: dict[str, int] = {}
    constant = index.constant
    for loop, step in index.terms:
        constant += step * loops[loop].constant
        for inner, c in loops[loop].terms:
            terms[inner] = terms.get(inner, 0) + step * c
    return Affine(tuple(sorted((x, c) for x, c in terms.items() if c)), constant)


def _replaced(value: Expression, read: Access, by: Expression) -> Expression:
    if isinstance(value, Read):
        return by if value.access == read else value
    if isinstance(value, Call):
        return Call(value.function, tuple(_replaced(one, read, by) for one in value.arguments))
    return value
