"""Finds a convolution or a matrix product in a primitive's statements, whatever its names are.

Loops are classified by which operand of `target += left * right` they index:

    in target, left and right   batch (matrix product) or group (convolution)
    in target and left          rows m, or batch and output pixels
    in target and right         columns n, or output channels
    in left and right           the reduction: k, or input channels and kernel taps
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from compiler.problem.dtypes import F32
from compiler.problem.primitive import Access, Call, Primitive, Read, Statement
from harness.baseline.recognition.views import (
    Unrecognised,
    View,
    check_covered,
    is_loop,
    loops_in,
    merged,
    view_of,
)
from harness.baseline.recognition.windows import Window, data_view, window_of


@dataclass(frozen=True)
class Convolution:
    """out[n,g*oc,o..] += data[n,g*ic, o*stride + k*dilation - before ..] * weight[g,oc,ic,k..].

    `dilation` counts from 1; `before` and `after` are padding on either side, `after` may be
    negative by less than the stride (rows that no output reads).
    """

    data: View  # n, g*ic, spatial...
    weight: View  # [g,] oc, ic, taps...
    out: View  # n, g*oc, spatial...
    groups: int  # 1: the weight has no group dimension
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]
    axes: tuple[str | None, ...]  # loops of out: batch, group, output channel, pixels


@dataclass(frozen=True)
class MatrixProduct:
    """c[batch.., m, n] += a[batch.., m, k] * b[batch.., k, n]; n is contiguous in c's memory."""

    a: View
    b: View
    c: View
    axes: tuple[str | None, ...]  # loops of c: batch.., m, n


def recognise(primitive: Primitive) -> Convolution | MatrixProduct:
    """The operator that a primitive is; raises Unrecognised."""
    if len(primitive.statements) != 1:
        raise Unrecognised(
            f"{len(primitive.statements)} statements, only a single product is taken"
        )
    statement = primitive.statements[0]
    left, right = _factors(statement)
    if primitive.dtype != F32:
        raise Unrecognised(f"dtype {primitive.dtype.name}, only {F32.name} is taken")
    target = primitive.tensor(statement.target.tensor)
    if target.role != "output" or target.accumulate:
        raise Unrecognised(f"{target.name} starts from values of its own, only from zero is taken")
    if left.tensor == right.tensor:
        raise Unrecognised(f"a product of {left.tensor} with itself")
    check_covered(primitive, statement.target)
    operands = (left, right)
    if all(is_loop(i) for access in operands for i in access.indices):
        product = _matrix_product(primitive, statement, left, right)
        if product is not None:
            return product
    return _convolution(primitive, statement, operands)


def _factors(statement: Statement) -> tuple[Access, Access]:
    value = statement.value
    if (
        statement.reduction == "add"
        and isinstance(value, Call)
        and value.function == "mul"
        and len(value.arguments) == 2
    ):
        left, right = value.arguments
        if isinstance(left, Read) and isinstance(right, Read):
            return left.access, right.access
    raise Unrecognised(f"'{statement.text}' is no sum of products of two tensors")


def _matrix_product(
    primitive: Primitive, statement: Statement, left: Access, right: Access
) -> MatrixProduct | None:
    """None when a role would need more than one loop (a convolution may still fit)."""
    target = statement.target
    for access in (left, right):
        check_covered(primitive, access)
    c, x, y = loops_in(target), loops_in(left), loops_in(right)
    if (x | y) - c != (x & y) - c or c - (x | y):
        return None
    batch = [i.loops[0] for i in target.indices if i.loops[0] in x & y]
    if any(len(group) > 1 for group in ((c & x) - y, (c & y) - x, (x & y) - c)):
        return None
    innermost = target.indices[primitive.tensor(target.tensor).stored[-1]].loops[0]
    if innermost in x and innermost not in y:  # n belongs to the right operand
        left, right, x, y = right, left, y, x
    m, n, k = (next(iter(g), None) for g in ((c & x) - y, (c & y) - x, (x & y) - c))
    return MatrixProduct(
        view_of(primitive, left, [*batch, m, k]),
        view_of(primitive, right, [*batch, k, n]),
        view_of(primitive, target, [*batch, m, n]),
        axes=(*batch, m, n),
    )


def _convolution(
    primitive: Primitive, statement: Statement, operands: tuple[Access, Access]
) -> Convolution:
    target = statement.target
    plain = [access for access in operands if all(is_loop(i) for i in access.indices)]
    if not plain:
        raise Unrecognised("both factors have compound indices")
    # With no compound index at all, the weight is the operand with fewer dimensions.
    weight = min(plain, key=lambda access: len(access.indices))
    data = operands[1] if weight is operands[0] else operands[0]
    check_covered(primitive, weight)
    c, x, w = loops_in(target), loops_in(data), loops_in(weight)
    if c - (x | w) or (x | w) - c - (x & w):
        raise Unrecognised("a loop is summed over, or repeated, in one factor alone")
    group = _only("group", (i.loops[0] for i in weight.indices if i.loops[0] in c & x))
    oc = _only("output channel", (i.loops[0] for i in weight.indices if i.loops[0] in c - x))
    batch, ic, windows = _data_roles(primitive, data, c, w)
    if len(windows) > 3 or not windows:
        raise Unrecognised(f"{len(windows)} spatial dimensions, 1 to 3 are taken")
    taps = [window.tap for window in windows]
    left_over = w - c - {ic} - set(taps)
    if left_over:
        raise Unrecognised(f"loop {min(left_over)} is no input channel and no kernel tap")
    head = [group] if group else []
    axes = (batch, group, oc, *(v.pixel for v in windows))
    return Convolution(
        data=data_view(primitive, data, [batch, group, ic], windows),
        weight=view_of(primitive, weight, [*head, oc, ic, *taps]),
        out=merged(view_of(primitive, target, axes)),
        groups=primitive.extent(group) if group else 1,
        stride=tuple(v.stride for v in windows),
        dilation=tuple(v.dilation for v in windows),
        before=tuple(v.before for v in windows),
        after=tuple(v.after for v in windows),
        axes=axes,
    )


def _data_roles(
    primitive: Primitive, data: Access, c: frozenset[str], w: frozenset[str]
) -> tuple[str | None, str | None, list[Window]]:
    """The loops of the batch and of the input channels, and the spatial dimensions in order."""
    tensor = primitive.tensor(data.tensor)
    batch: str | None = None
    ic: str | None = None
    windows: list[Window] = []
    for d, index in enumerate(data.indices):
        loop = index.loops[0] if is_loop(index) else None
        if loop is not None and primitive.extent(loop) == tensor.shape[d]:
            if loop in c and loop in w:
                continue  # the group
            if loop in c and batch is None:
                batch = loop
                continue
            if loop not in c and ic is None:
                ic = loop
                continue
        windows.append(window_of(primitive, tensor, d, index, c, w))
    return batch, ic, windows


def _only(role: str, loops: Iterable[str]) -> str | None:
    found = list(loops)
    if len(found) > 1:
        raise Unrecognised(f"loops {', '.join(found)} could all be the {role}")
    return found[0] if found else None
