"""Statements in which every value has a tensor of its own, and factors moved in front of sums.

    s[m,n] += q[m,k] * r[n,k]              s@0[m,n] += q[m,k] * r[n,k]
    s[m,n] = exp(s[m,n] - t[m])       ->   s[m,n] = exp(s@0[m,n] - t[m])

A statement that replaces what a tensor held writes another version of it; the last one keeps its
name. So any row of statements can be cut out as a primitive of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from compiler.model.accesses import mapped
from compiler.problem.primitive import Access, Call, Number, Primitive, Read, Statement, Tensor
from harness.baseline.recognition.normal_form import normal, product, scaled
from harness.baseline.recognition.values import loops_of, with_loops
from harness.baseline.recognition.views import is_loop, loops_in


def with_single_writes(primitive: Primitive) -> Primitive:
    """The same with a tensor for each value; earlier versions of an output are temporary."""
    last: dict[str, int] = {}
    for statement in primitive.statements:
        _count(statement, last)
    now: dict[str, int] = {}

    def name(tensor: str) -> str:
        version = now.get(tensor)
        return tensor if version is None or version == last[tensor] else f"{tensor}@{version}"

    statements = []
    for statement in primitive.statements:
        read = mapped(statement, lambda a: replace(a, tensor=name(a.tensor)))
        _count(statement, now)
        target = statement.target
        statements.append(replace(read, target=replace(target, tensor=name(target.tensor))))
    earlier = [
        replace(primitive.tensor(tensor), name=f"{tensor}@{k}", role="temporary")
        for tensor, count in last.items()
        for k in range(count)
    ]
    return replace(primitive, tensors=(*primitive.tensors, *earlier), statements=tuple(statements))


def _count(statement: Statement, replaced: dict[str, int]) -> None:
    """How often each written tensor has been replaced, this statement among them."""
    tensor = statement.target.tensor
    again = statement.reduction is None and tensor in replaced
    replaced[tensor] = replaced.get(tensor, 0) + again


def factors_in_front(primitive: Primitive) -> Primitive:
    """The same, where a computed factor behind a sum of products stands on an operand instead.

        o[m,v] += s[m,n] * w[n,v]            s'[m,n] = s[m,n] * f[m]
        o[m,v] = o[m,v] * f[m]          ->   o[m,v] += s'[m,n] * w[n,v]

    Equal but for rounding: libraries divide a softmax by its sum before the product. `primitive`
    has single writes.
    """
    for k, statement in enumerate(primitive.statements):
        for access in statement.reads:
            moved = _moved(primitive, k, access)
            if moved is not None:
                return factors_in_front(moved)
    return primitive


def _moved(primitive: Primitive, k: int, factor: Access) -> Primitive | None:
    """The factor of statement `k` on an operand of the sum before it; None where it is none.

    The factor must be whole before the sum begins, at zero, and nobody else may see the sum.
    """
    statements = list(primitive.statements)
    written = [s.target.tensor for s in statements]
    coefficient, factors = scaled(normal(statements[k].value))
    rest = [f for f in factors if f != Read(factor)]
    if len(rest) != len(factors) - 1 or len(rest) != 1 or not isinstance(rest[0], Read):
        return None
    summed = rest[0].access
    if statements[k].reduction is not None or summed.indices != statements[k].target.indices:
        return None
    readers = [s for s in statements if any(a.tensor == summed.tensor for a in s.reads)]
    if readers != [statements[k]] or summed.tensor not in written[:k]:
        return None
    held = primitive.tensor(summed.tensor)
    if held.role != "temporary" or held.accumulate or written.count(summed.tensor) != 1:
        return None
    at = written.index(summed.tensor)
    if factor.tensor not in written[:at] or factor.tensor in written[at:k]:
        return None
    there = statements[at].target
    if not all(map(is_loop, (*summed.indices, *there.indices))):
        return None
    own = with_loops(factor, dict(zip(loops_of(summed), loops_of(there), strict=True)))
    operand = _operand(statements[at], loops_in(own), written[:at])
    if operand is None:
        return None
    scaled_name = f"{operand.tensor}*{factor.tensor}"
    product_of = Call("mul", (Read(operand), Read(own)))
    target = replace(operand, tensor=scaled_name)
    text = f"{target} = {operand} * {factor.tensor}"
    before = Statement(target, None, product_of, target.loops, text)
    statements[k] = replace(statements[k], value=product(Number(coefficient), rest[0]))
    statements[at] = mapped(statements[at], lambda a: target if a == operand else a)
    tensor = primitive.tensor(operand.tensor)
    new: Tensor = replace(tensor, name=scaled_name, role="temporary", outside=None)
    return replace(
        primitive,
        tensors=(*primitive.tensors, new),
        statements=(*statements[:at], before, *statements[at:]),
    )


def _operand(statement: Statement, loops: frozenset[str], written: Sequence[str]) -> Access | None:
    """The computed operand of a sum of products that a factor in these loops can stand on."""
    value = statement.value
    if statement.reduction != "add" or not statement.reduction_loops:
        return None
    if not isinstance(value, Call) or value.function != "mul":
        return None
    for one in value.arguments:
        if (
            isinstance(one, Read)
            and one.access.tensor in written
            and all(map(is_loop, one.access.indices))
            and loops <= loops_in(one.access)
        ):
            return one.access
    return None
