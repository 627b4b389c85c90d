"""Which values change their sign at random, and what that says about a result's rounding errors.

A sum of terms of random signs has partial sums that grow like sqrt(K), and errors of one to two
eps of its magnitude whatever K is. Partial sums of terms of one sign grow like K, and their errors
like sqrt(K) * eps of the magnitude (Higham, Accuracy and Stability of Numerical Algorithms, 2nd
ed., 4.2). Inputs have random signs; a rectifier, an exponential or a square take them away.
Equal terms err alike: each by half an ulp of the partial sum at most, always to the same side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod, sqrt

from compiler.problem.evaluation import ULPS, factors_of
from compiler.problem.iteration import meeting, recurrent_loops
from compiler.problem.primitive import Call, Expression, Number, Primitive, Read, Statement

_OPERATION = 0.25  # of the bound of a sum: an operation rounds once, a sum's bound is four eps
_EQUAL = 0.125  # of it, an equal term: half an eps of the magnitude


@dataclass(frozen=True)
class Signs:
    """`random` are the loops (of a tensor: the dimensions) along which signs change at random.

    `sources` are the inputs that the values come from: a product of what has a common source may
    be a square.
    """

    random: frozenset[str | int] = frozenset()
    sources: frozenset[str] = frozenset()


def growth(primitive: Primitive) -> dict[str, float]:
    """By output: how many times 4 eps of its magnitude its rounding errors may reach.

    Errors relative to the magnitude add up from statement to statement.
    """
    extents = dict(primitive.extents)
    grown: dict[str, float] = {}
    for statement, one_signed in zip(
        primitive.statements, one_signed_terms(primitive), strict=True
    ):
        equal = equal_terms(primitive, statement)
        read = [grown.get(access.tensor, 0.0) for access in statement.reads]
        before = grown.get(statement.target.tensor, 0.0)
        steps = prod(extents[loop] for loop in recurrent_loops(statement))
        own = _own(statement, one_signed, equal, extents) * sqrt(steps)
        grown[statement.target.tensor] = max([before, *read]) + own
    return {t.name: max(1.0, grown[t.name]) for t in primitive.tensors if t.role == "output"}


def one_signed_terms(primitive: Primitive) -> tuple[int, ...]:
    """By statement: how many of the terms of an element's sum may have one sign in a row."""
    tensors = {
        t.name: Signs(frozenset(range(len(t.shape))), frozenset([t.name]))
        if t.values is None and (t.role == "input" or t.accumulate)
        else Signs()
        for t in primitive.tensors
    }
    extents = dict(primitive.extents)
    found = []
    written: set[str] = {t.name for t in primitive.tensors if t.accumulate}
    for statement in primitive.statements:
        value = _signs(statement.value, tensors)
        groups = meeting(statement, extents) if statement.reduction == "add" else ()
        found.append(prod(count for loops, count in groups if not loops & value.random))
        name = statement.target.tensor
        kept = frozenset(
            d
            for d, index in enumerate(statement.target.indices)
            if value.random & set(index.loops) and statement.reduction in ("add", None)
        )
        if statement.reduction is not None and name in written:
            kept &= tensors[name].random
        written.add(name)
        tensors[name] = Signs(kept, tensors[name].sources | value.sources)
    return tuple(found)


def equal_terms(primitive: Primitive, statement: Statement) -> int:
    """How many terms of an element's sum may be the same number; 1 where none is met twice.

    Along a loop that no read has, or that only indexes a tensor where another of its indices is
    outside already, as the columns of a row of padding. A product with a zero outside adds nothing.
    """
    if statement.reduction != "add":
        return 1
    extents = dict(primitive.extents)
    product = factors_of(statement.value) is not None
    along = set(statement.loops)
    for access in statement.reads:
        tensor = primitive.tensor(access.tensor)
        same = set(statement.loops) - set(access.loops)
        if tensor.outside is not None and not (product and tensor.outside == 0):
            for index, size in zip(access.indices, tensor.shape, strict=True):
                low, high = index.bounds(extents)
                if low < 0 or high >= size:
                    same |= set(statement.loops) - set(index.loops)
        along &= same
    return prod(count for loops, count in meeting(statement, extents) if loops <= along)


def _signs(expression: Expression, tensors: Mapping[str, Signs]) -> Signs:
    if isinstance(expression, Number):
        return Signs()
    if isinstance(expression, Read):
        held = tensors[expression.access.tensor]
        loops = (
            loop
            for d, index in enumerate(expression.access.indices)
            if d in held.random
            for loop in index.loops
        )
        return Signs(frozenset(loops), held.sources)
    found = [_signs(a, tensors) for a in expression.arguments]
    sources = frozenset[str]().union(*(signs.sources for signs in found))
    match expression.function:
        case "neg" | "tanh" | "erf":
            return found[0]
        case "add" | "sub":
            return Signs(found[0].random & found[1].random, sources)
        case "mul" | "div" if not found[0].sources & found[1].sources:
            return Signs(found[0].random | found[1].random, sources)
    return Signs(frozenset(), sources)


def _own(statement: Statement, one_signed: int, equal: int, extents: Mapping[str, int]) -> float:
    weight = _weight(statement.value)
    if statement.reduction != "add":
        return weight
    terms = prod(count for _, count in meeting(statement, extents))
    if terms == 1:
        return weight + _OPERATION
    same = _EQUAL * equal if equal > 1 else 0.0
    return sqrt(one_signed) + same + max(0.0, weight - _OPERATION)


def _weight(expression: Expression) -> float:
    """What one evaluation of a right-hand side adds."""
    if not isinstance(expression, Call):
        return 0.0
    own = _OPERATION * ULPS.get(expression.function, 1.0)  # a function errs like so many
    if expression.function in ("max", "min", "neg", "abs"):
        own = 0.0
    return own + sum(_weight(a) for a in expression.arguments)
