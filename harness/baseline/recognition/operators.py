"""Every operator that is known, by what a primitive's statements compute together."""

from __future__ import annotations

from collections.abc import Iterable

from compiler.problem.dtypes import F32
from compiler.problem.primitive import Call, Primitive, Read, Statement
from harness.baseline.recognition.elementwise import Elementwise, recognise_elementwise
from harness.baseline.recognition.pooling import Pooling, recognise_pooling
from harness.baseline.recognition.post_ops import Eltwise, PostOp
from harness.baseline.recognition.rows import LayerNorm, Softmax, recognise_rows
from harness.baseline.recognition.values import followed
from harness.baseline.recognition.views import Unrecognised
from harness.baseline.recognition.with_post_ops import WithPostOps, recognise_with_post_ops

HARDSWISH = "hardswish: x/6 + 1/2 is rounded, which cancels where x is near -3"
Operator = WithPostOps | Pooling | Elementwise | Softmax | LayerNorm


def recognise_operator(primitive: Primitive) -> Operator:
    """Which it may be follows from what is reduced; raises Unrecognised where it is not that.

    A sum of products of two tensors is a convolution or a matrix product, one reduction of a
    tensor's elements a pooling, two are softmax or layer normalisation, none is element-wise.
    """
    sums = [s for s in primitive.statements if s.reduction_loops]
    if any(map(_multiplies, sums)):
        return recognise_with_post_ops(primitive)
    if primitive.dtype != F32:
        raise Unrecognised(f"dtype {primitive.dtype.name}, only {F32.name} is taken")
    found = followed(primitive)
    if not sums:
        return recognise_elementwise(primitive, found)
    of_inputs = [s for s in sums if not _fixed(primitive, s)]
    if len(of_inputs) == 1:
        return recognise_pooling(primitive, found)
    return recognise_rows(primitive, found)


def steps_of(operator: Operator) -> tuple[PostOp, ...]:
    """What an operator does element by element, after what else it is."""
    if isinstance(operator, WithPostOps):
        return operator.post_ops
    return operator.steps if isinstance(operator, Pooling | Elementwise) else ()


def rounds_inside(operators: Iterable[Operator]) -> str | None:
    """Why libraries do not give what the statements do where float32 is exact; None: they do."""
    if any(Eltwise("hardswish") in steps_of(operator) for operator in operators):
        return HARDSWISH
    return None


def _multiplies(statement: Statement) -> bool:
    value = statement.value
    return (
        isinstance(value, Call)
        and value.function == "mul"
        and all(isinstance(a, Read) for a in value.arguments)
    )


def _fixed(primitive: Primitive, statement: Statement) -> bool:
    """Whether it reads nothing but tensors whose values the primitive states."""
    return all(primitive.tensor(a.tensor).values is not None for a in statement.reads)
