"""A primitive as the plain data from which MetaSchedule's tuner makes tensor expressions.

Tensors and indices are in the order in which the tensors lie in memory. A tensor expression gives
every element of its tensor one value, so statements must write each element exactly once.
"""

from __future__ import annotations

from compiler.problem.dtypes import F32
from compiler.problem.primitive import (
    Access,
    Affine,
    Expression,
    Number,
    Primitive,
    Read,
    Statement,
    Tensor,
)


class Untranslatable(Exception):
    """No tensor expression says the same; the message says what is in the way."""


def memory_order(primitive: Primitive, tensor: Tensor) -> tuple[int, ...]:
    """The dimensions of a tensor in memory, slowest first.

    A plain tensor lies as the caller has it. Of others MetaSchedule lays out constants by itself;
    the rest is given to it as its users would, channels last: dimensions that a constant tensor
    shares. Its rules vectorise the last axis, and channels fill a vector where a row of 7 does not.
    """
    if tensor.plain or tensor.constant:
        return tensor.stored
    accesses = [a for s in primitive.statements for a in (s.target, *s.reads)]
    constant = [a for a in accesses if primitive.tensor(a.tensor).constant]
    shared = {index for access in constant for index in access.indices if len(index.loops) == 1}
    own = [access for access in accesses if access.tensor == tensor.name]
    last = [d for d in tensor.stored if all(access.indices[d] in shared for access in own)]
    return (*(d for d in tensor.stored if d not in last), *last)


def described(primitive: Primitive) -> dict[str, object]:
    """`tensors` and `statements`, JSON-able; raises Untranslatable."""
    if primitive.dtype != F32:
        raise Untranslatable(f"{primitive.dtype.name}, only {F32.name} is translated")
    return {
        "tensors": [_tensor(primitive, tensor) for tensor in primitive.tensors],
        "statements": [_statement(primitive, statement) for statement in primitive.statements],
    }


def _tensor(primitive: Primitive, tensor: Tensor) -> dict[str, object]:
    if tensor.accumulate:
        raise Untranslatable(f"{tensor.name} starts from the caller's values")
    return {
        "name": tensor.name,
        "shape": list(_shape(primitive, tensor)),
        "role": tensor.role,
        "outside": tensor.outside,
        "constant": tensor.constant,
        "value": _number(tensor),
    }


def _number(tensor: Tensor) -> float | None:
    """What all elements are, where that stands in the primitive: no argument, but a number."""
    found = set(tensor.values or ())
    return found.pop() if len(found) == 1 else None


def _statement(primitive: Primitive, statement: Statement) -> dict[str, object]:
    target = primitive.tensor(statement.target.tensor)
    axes: list[tuple[str, int]] = []
    for index, size in zip(
        _ordered(primitive, statement.target), _shape(primitive, target), strict=True
    ):
        loop = index.loops[0] if index.loops else None
        if index != Affine(((loop, 1),) if loop else ()) or (loop is None and size != 1):
            raise Untranslatable(f"{statement.target} is written at {index}, not at a loop")
        loop = loop or f"one_{len(axes)}"
        if loop in dict(axes):
            raise Untranslatable(f"{statement.target} is written along a diagonal")
        extent = dict(primitive.extents).get(loop, 1)
        if extent != size:
            raise Untranslatable(f"{statement.target}: {loop} goes to {extent}, not to {size}")
        axes.append((loop, extent))
    for read in statement.reads:
        if read.tensor == target.name and (read != statement.target or statement.reduction):
            raise Untranslatable(f"{statement.text} reads elements that it writes")
    over = [loop for loop in statement.loops if loop not in dict(axes)]
    if over and statement.reduction is None:
        raise Untranslatable(f"{statement.text} writes elements more than once")
    return {
        "target": target.name,
        "reduction": statement.reduction,
        "axes": [list(axis) for axis in axes],
        "over": [[loop, primitive.extent(loop)] for loop in over],
        "value": _expression(primitive, statement.value),
    }


def _expression(primitive: Primitive, value: Expression) -> object:
    """A number, ["read", tensor, indices] or [function, arguments...]."""
    if isinstance(value, Number):
        return value.value
    if isinstance(value, Read):
        indices = _ordered(primitive, value.access)
        return [
            "read",
            value.access.tensor,
            [[[list(t) for t in i.terms], i.constant] for i in indices],
        ]
    return [value.function, *(_expression(primitive, argument) for argument in value.arguments)]


def _ordered(primitive: Primitive, access: Access) -> tuple[Affine, ...]:
    tensor = primitive.tensor(access.tensor)
    return tuple(access.indices[d] for d in memory_order(primitive, tensor))


def _shape(primitive: Primitive, tensor: Tensor) -> tuple[int, ...]:
    return tuple(tensor.shape[d] for d in memory_order(primitive, tensor))
