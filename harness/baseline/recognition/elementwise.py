"""Chains of element-wise statements: a tensor, and steps on each of its elements.

max(x + y, 0)               x: add y, relu
x*scale[c] + shift[c]       x: mul scale, add shift
0.5*x*(1 + erf(x/sqrt(2)))  x: gelu_erf
"""

from __future__ import annotations

from dataclasses import dataclass

from compiler.problem.primitive import Access, Call, Expression, Primitive, Read, reads_of
from harness.baseline.recognition.post_ops import PRODUCT, Eltwise, PostOp, post_ops_of
from harness.baseline.recognition.values import Followed
from harness.baseline.recognition.views import (
    Unrecognised,
    View,
    check_covered,
    loops_in,
    view_of,
)


@dataclass(frozen=True)
class Elementwise:
    """`out` is `source` after the steps, of which there is one at least."""

    source: View
    out: View
    steps: tuple[PostOp, ...]
    primitive: Primitive
    axes: tuple[str, ...]

    def operand(self, access: Access) -> View:
        """A step's tensor with the dimensions of `out`, of length 1 where it has none."""
        return broadcast(self.primitive, access, self.axes)


def broadcast(primitive: Primitive, access: Access, axes: tuple[str | None, ...]) -> View:
    """The tensor with a dimension for each axis, of length 1 where it has none. Unrecognised."""
    check_covered(primitive, access)
    has = loops_in(access)
    if not has <= {axis for axis in axes if axis}:
        raise Unrecognised(f"{access} has other loops than the output")
    return view_of(primitive, access, [axis if axis in has else None for axis in axes])


def recognise_elementwise(primitive: Primitive, found: Followed) -> Elementwise:
    """Raises Unrecognised."""
    axes = found.loops
    whole = [a for a in dict.fromkeys(reads_of(found.value)) if loops_in(a) == set(axes)]
    if not whole:
        raise Unrecognised(f"no tensor is as large as {found.access}")
    refusals: list[Unrecognised] = []
    for access in whole:  # x may be what y is added to, or the other way round
        try:
            check_covered(primitive, access)
            steps = post_ops_of(started(found.value, access))
            chain = Elementwise(
                broadcast(primitive, access, axes),
                view_of(primitive, found.access, axes),
                steps,
                primitive,
                axes,
            )
            for step in steps:
                if not isinstance(step, Eltwise):
                    chain.operand(step.operand)
        except Unrecognised as refusal:
            refusals.append(refusal)
            continue
        if steps:
            return chain
        raise Unrecognised(f"a copy of {access.tensor}")
    raise refusals[0]


def started(e: Expression, access: Access) -> Expression:
    """The expression with PRODUCT, the value that steps start from, in the place of a read."""
    if isinstance(e, Call):
        return Call(e.function, tuple(started(a, access) for a in e.arguments))
    return PRODUCT if isinstance(e, Read) and e.access == access else e
