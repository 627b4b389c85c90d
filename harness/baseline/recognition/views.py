"""A tensor as an operator wants to see it: its dimensions in another order, some left out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from compiler.problem.primitive import Access, Affine, Primitive, Tensor
from compiler.schedule.layout import layout_of


class Unrecognised(Exception):
    """The statements have no form that is known here; the message says what is in the way."""


@dataclass(frozen=True)
class View:
    """A tensor's dimensions in the order an operator wants them, elements apart in two memories.

    `plain` strides belong to the row-major array of the declared shape, `stored` strides to the
    caller's memory order. `offset` skips rows that are never read, in the plain array. A `fixed`
    tensor lies as the caller stores it.
    """

    tensor: str
    dims: tuple[int, ...]
    plain: tuple[int, ...]
    stored: tuple[int, ...]
    constant: bool
    elements: int
    offset: int = 0
    fixed: bool = False


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


def memory_of(tensor: Tensor) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Plain and stored strides of a tensor by declared dimension."""
    layout = layout_of(tensor)
    return layout.row_major.outer_strides, layout.outer_strides


def view_of(primitive: Primitive, access: Access, loops: Iterable[str | None]) -> View:
    """The tensor with one dimension per loop, in this order; None is a dimension of length 1."""
    tensor = primitive.tensor(access.tensor)
    plain, stored = memory_of(tensor)
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
        fixed=tensor.plain and not tensor.constant,
    )


def _leading(dims: tuple[int, ...], strides: list[int], elements: int) -> tuple[int, ...]:
    """Strides that are also valid leading dimensions: a dimension of length 1 may have any."""
    last = len(dims) - 1
    return tuple(
        step if length > 1 else elements if d < last else 1
        for d, (length, step) in enumerate(zip(dims, strides, strict=True))
    )


def merged(view: View) -> View:
    """Dimensions 1 (group) and 2 (channel in the group) as one channel dimension."""
    groups, channels = view.dims[1:3]

    def together(strides: tuple[int, ...]) -> tuple[int, ...]:
        if groups > 1 and channels > 1 and strides[1] != strides[2] * channels:
            raise Unrecognised(f"groups and channels of {view.tensor} do not follow each other")
        return (strides[0], strides[1] if channels == 1 else strides[2], *strides[3:])

    return replace(
        view,
        dims=(view.dims[0], groups * channels, *view.dims[3:]),
        plain=together(view.plain),
        stored=together(view.stored),
    )
