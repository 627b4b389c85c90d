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
from compiler.problem.primitive import Access, Affine, Call, Primitive, Read, Statement, Tensor


class Unrecognised(Exception):
    """The statements have no form that is known here; the message says what is in the way."""


@dataclass(frozen=True)
class View:
    """A tensor's dimensions in the order an operator wants them, elements apart in two memories.

    `plain` strides belong to the row-major array of the declared shape, `stored` strides to the
    caller's memory order. `offset` skips rows that are never read, in the plain array.
    """

    tensor: str
    dims: tuple[int, ...]
    plain: tuple[int, ...]
    stored: tuple[int, ...]
    constant: bool
    elements: int
    offset: int = 0


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


def is_loop(index: Affine) -> bool:
    return len(index.terms) == 1 and index.terms[0][1] == 1 and index.constant == 0


def check_covered(primitive: Primitive, access: Access) -> None:
    """Every dimension is one loop of its own that runs over the whole dimension."""
    tensor = primitive.tensor(access.tensor)
    for index, length in zip(access.indices, tensor.shape, strict=True):
        if not is_loop(index) or primitive.extent(index.loops[0]) != length:
            raise Unrecognised(
                f"index '{index}' of {access} does not cover its dimension of {length}"
            )
    if len(loops_in(access)) != len(access.indices):
        raise Unrecognised(f"a loop appears twice in {access}")


def loops_in(access: Access) -> frozenset[str]:
    return frozenset(loop for index in access.indices for loop in index.loops)


def _strides(shape: Iterable[int]) -> tuple[int, ...]:
    strides, step = [], 1
    for length in reversed(tuple(shape)):
        strides.append(step)
        step *= length
    return tuple(reversed(strides))


def _memory(tensor: Tensor) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Plain and stored strides of a tensor by declared dimension."""
    stored = [0] * len(tensor.shape)
    for d, step in zip(
        tensor.stored, _strides(tensor.shape[d] for d in tensor.stored), strict=True
    ):
        stored[d] = step
    return _strides(tensor.shape), tuple(stored)


def view_of(primitive: Primitive, access: Access, loops: Iterable[str | None]) -> View:
    """The tensor with one dimension per loop, in this order; None is a dimension of length 1."""
    tensor = primitive.tensor(access.tensor)
    plain, stored = _memory(tensor)
    position = {index.loops[0]: d for d, index in enumerate(access.indices)}
    at = [None if loop is None else position[loop] for loop in loops]
    dims = tuple(1 if d is None else tensor.shape[d] for d in at)
    return View(
        tensor=tensor.name,
        dims=dims,
        plain=_leading(dims, [1 if d is None else plain[d] for d in at], tensor.elements),
        stored=_leading(dims, [1 if d is None else stored[d] for d in at], tensor.elements),
        constant=tensor.constant,
        elements=tensor.elements,
    )


def _leading(dims: tuple[int, ...], strides: list[int], elements: int) -> tuple[int, ...]:
    """Strides that are also valid leading dimensions: a dimension of length 1 may have any."""
    last = len(dims) - 1
    return tuple(
        step if length > 1 else elements if d < last else 1
        for d, (length, step) in enumerate(zip(dims, strides, strict=True))
    )


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
        data=_data_view(primitive, data, [batch, group, ic], windows),
        weight=view_of(primitive, weight, [*head, oc, ic, *taps]),
        out=merged(view_of(primitive, target, axes)),
        groups=primitive.extent(group) if group else 1,
        stride=tuple(v.stride for v in windows),
        dilation=tuple(v.dilation for v in windows),
        before=tuple(v.before for v in windows),
        after=tuple(v.after for v in windows),
        axes=axes,
    )


@dataclass(frozen=True)
class _Window:
    """One spatial dimension of the data: index pixel*stride + tap*dilation - before + skipped."""

    dimension: int
    length: int  # rows used, without those that are skipped at either end
    skipped: int
    pixel: str
    tap: str | None
    stride: int
    dilation: int
    before: int
    after: int


def _data_roles(
    primitive: Primitive, data: Access, c: frozenset[str], w: frozenset[str]
) -> tuple[str | None, str | None, list[_Window]]:
    """The loops of the batch and of the input channels, and the spatial dimensions in order."""
    tensor = primitive.tensor(data.tensor)
    batch: str | None = None
    ic: str | None = None
    windows: list[_Window] = []
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
        windows.append(_window(primitive, tensor, d, index, c, w))
    return batch, ic, windows


def _window(
    primitive: Primitive,
    tensor: Tensor,
    d: int,
    index: Affine,
    c: frozenset[str],
    w: frozenset[str],
) -> _Window:
    pixels = [loop for loop in index.loops if loop in c and loop not in w]
    taps = [loop for loop in index.loops if loop in w and loop not in c]
    if len(pixels) != 1 or len(taps) > 1 or len(index.terms) != len(pixels) + len(taps):
        raise Unrecognised(f"index '{index}' of {tensor.name} is no sliding window")
    tap = taps[0] if taps else None
    stride = index.coefficient(pixels[0])
    dilation = index.coefficient(tap) if tap else 1
    if stride < 1 or dilation < 1:
        raise Unrecognised(f"index '{index}' of {tensor.name} runs backwards")
    reach = (primitive.extent(tap) - 1) * dilation if tap else 0
    last = (primitive.extent(pixels[0]) - 1) * stride + reach + index.constant
    before, skipped = max(0, -index.constant), max(0, index.constant)
    after = last + 1 - tensor.shape[d]
    unread = -after if after + stride <= 0 else 0  # more than a stride's rows: leave them out
    if (before or after > 0) and tensor.outside != 0:
        raise Unrecognised(f"{tensor.name} is {tensor.outside} outside, only 0 is taken")
    return _Window(
        d,
        tensor.shape[d] - skipped - unread,
        skipped,
        pixels[0],
        tap,
        stride,
        dilation,
        before,
        0 if unread else after,
    )


def _data_view(
    primitive: Primitive, data: Access, head: list[str | None], windows: list[_Window]
) -> View:
    """n, g*ic, spatial...: spatial dimensions without the rows that are never read."""
    tensor = primitive.tensor(data.tensor)
    plain, stored = _memory(tensor)
    position = {index.loops[0]: d for d, index in enumerate(data.indices) if is_loop(index)}
    at = [position[loop] if loop else None for loop in head]
    spatial = [v.dimension for v in windows]
    return merged(
        View(
            tensor=tensor.name,
            dims=(
                *(1 if d is None else tensor.shape[d] for d in at),
                *(v.length for v in windows),
            ),
            plain=(*(1 if d is None else plain[d] for d in at), *(plain[d] for d in spatial)),
            stored=(*(1 if d is None else stored[d] for d in at), *(stored[d] for d in spatial)),
            constant=tensor.constant,
            elements=tensor.elements,
            offset=sum(v.skipped * plain[v.dimension] for v in windows),
        )
    )


def merged(view: View) -> View:
    """Dimensions 1 (group) and 2 (channel in the group) as one channel dimension."""
    groups, channels = view.dims[1:3]

    def together(strides: tuple[int, ...]) -> tuple[int, ...]:
        if groups > 1 and channels > 1 and strides[1] != strides[2] * channels:
            raise Unrecognised(f"groups and channels of {view.tensor} do not follow each other")
        return (strides[0], strides[1] if channels == 1 else strides[2], *strides[3:])

    return View(
        view.tensor,
        (view.dims[0], groups * channels, *view.dims[3:]),
        together(view.plain),
        together(view.stored),
        view.constant,
        view.elements,
        view.offset,
    )


def _only(role: str, loops: Iterable[str]) -> str | None:
    found = list(loops)
    if len(found) > 1:
        raise Unrecognised(f"loops {', '.join(found)} could all be the {role}")
    return found[0] if found else None
