"""How a tensor lies in memory: dimensions in an order, some of them split into inner blocks."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from compiler.errors import ScheduleError
from compiler.problem.dtypes import F32, DType
from compiler.problem.primitive import Tensor

Array = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Layout:
    """Outer dimensions in `order`, then inner blocks of `(dimension, size)`, last one contiguous.

    nChw8c of shape (n, c, h, w) is order (0, 1, 2, 3), blocks ((1, 8),). A block that does not
    divide its dimension pads it; the lanes added are zero on input, and on output free to be
    written.
    """

    shape: tuple[int, ...]
    order: tuple[int, ...]
    blocks: tuple[tuple[int, int], ...] = ()
    dtype: DType = F32

    def block(self, dimension: int) -> int:
        """Product of the inner blocks of a dimension."""
        return prod(size for d, size in self.blocks if d == dimension)

    @cached_property
    def outer(self) -> tuple[int, ...]:
        """Number of blocks along each dimension, by dimension."""
        return tuple(-(-n // self.block(d)) for d, n in enumerate(self.shape))

    @cached_property
    def elements(self) -> int:
        """Elements of the buffer, padding lanes included."""
        return prod(self.outer) * prod(size for _, size in self.blocks)

    @cached_property
    def bytes(self) -> int:
        return self.elements * self.dtype.bytes

    @cached_property
    def outer_strides(self) -> tuple[int, ...]:
        """Elements between consecutive blocks, by dimension."""
        step = prod(size for _, size in self.blocks)
        strides = [0] * len(self.shape)
        for d in reversed(self.order):
            strides[d] = step
            step *= self.outer[d]
        return tuple(strides)

    @cached_property
    def block_strides(self) -> tuple[int, ...]:
        """Elements between consecutive indices inside each inner block, by block."""
        strides, step = [], 1
        for _, size in reversed(self.blocks):
            strides.append(step)
            step *= size
        return tuple(reversed(strides))

    @cached_property
    def form(self) -> tuple[tuple[int, ...], ...]:
        """Where the elements lie, counted row-major: equal for layouts that are the same memory.

        `(extent, stride)` for every run of the count, slowest first, few as may be; a dimension
        that its blocks pad is one entry `(extent, outer extent, stride, block, stride, ...)`. Plain
        memory is `((elements, 1),)`. nChw16c of (1, 64, 56, 56) and of (1, 64, 3136) are one form:

        >>> Layout((1, 64, 56, 56), (0, 1, 2, 3), ((1, 16),)).form
        ((4, 50176), (16, 1), (3136, 16))
        """
        runs: list[tuple[int, ...]] = []
        for d, extent in enumerate(self.shape):
            inner = [k for k, (dimension, _) in enumerate(self.blocks) if dimension == d]
            parts = [(self.outer[d], self.outer_strides[d])]
            parts += [(self.blocks[k][1], self.block_strides[k]) for k in inner]
            if extent % self.block(d):
                runs.append((extent, *(number for part in parts for number in part)))
                continue
            for size, stride in parts:
                if size == 1:
                    continue
                if runs and len(runs[-1]) == 2 and runs[-1][1] == size * stride:
                    size *= runs.pop()[0]
                runs.append((size, stride))
        return tuple(runs) or ((1, 1),)

    @cached_property
    def padded(self) -> bool:
        """Whether its buffer has lanes that are no elements of the tensor."""
        return any(n % self.block(d) for d, n in enumerate(self.shape))

    @cached_property
    def row_major(self) -> Layout:
        """Of the same shape: dimensions in their order, none of them in blocks."""
        return replace(self, order=tuple(range(len(self.shape))), blocks=())

    def pack(self, values: npt.NDArray[np.generic]) -> Array:
        """The flat buffer that holds `values` (any shape with the same elements, row-major)."""
        padded = np.zeros([n * self.block(d) for d, n in enumerate(self.outer)], self.dtype.numpy)
        padded[tuple(slice(n) for n in self.shape)] = values.reshape(self.shape)
        split, axes_of, inner = self._split_shape()
        axes = [axes_of[d] for d in self.order] + inner
        return np.ascontiguousarray(padded.reshape(split).transpose(axes)).reshape(-1)

    def unpack(self, buffer: Array) -> Array:
        """The row-major tensor of `shape` held by a flat buffer; padding lanes are dropped."""
        split, axes_of, inner = self._split_shape()
        axes = [axes_of[d] for d in self.order] + inner
        stored = buffer[: self.elements].reshape([split[a] for a in axes])
        padded = stored.transpose(np.argsort(axes))
        full = padded.reshape([n * self.block(d) for d, n in enumerate(self.outer)])
        return np.ascontiguousarray(full[tuple(slice(n) for n in self.shape)])

    def _split_shape(self) -> tuple[list[int], list[int], list[int]]:
        """Shape with each block an axis of its own; outer axis by dimension; inner axes."""
        split: list[int] = []
        axes_of: list[int] = []
        inner_axis: dict[int, int] = {}
        for d, n in enumerate(self.outer):
            axes_of.append(len(split))
            split.append(n)
            for k, (dimension, size) in enumerate(self.blocks):
                if dimension == d:
                    inner_axis[k] = len(split)
                    split.append(size)
        return split, axes_of, [inner_axis[k] for k in range(len(self.blocks))]

    def tag(self) -> str:
        """oneDNN-like short form over letters a, b, c...: aBcd8b is nChw8c."""
        blocked = {d for d, _ in self.blocks}
        outer = "".join(chr((65 if d in blocked else 97) + d) for d in self.order)
        return outer + "".join(f"{size}{chr(97 + d)}" for d, size in self.blocks)


def free(tensor: Tensor) -> bool:
    """Whether the schedule may choose how the tensor lies in memory."""
    return tensor.constant or not tensor.plain


def layout_of(tensor: Tensor, tag: str | None = None) -> Layout:
    """How a tensor lies: as a tag says, plain as stored without one."""
    if tag:
        return layout_from_tag(tag, tensor.shape, tensor.dtype)
    return Layout(tensor.shape, tensor.stored, dtype=tensor.dtype)


def layout_from_tag(tag: str, shape: tuple[int, ...], dtype: DType = F32) -> Layout:
    """The layout that `Layout.tag` prints as `tag`, for a tensor of `shape`."""
    outer = re.match(r"[A-Za-z]+", tag)
    blocks = re.findall(r"([0-9]+)([a-z])", tag[outer.end() :] if outer else "")
    order = tuple(ord(c) - 97 for c in outer.group().lower()) if outer else ()
    layout = Layout(shape, order, tuple((ord(c) - 97, int(n)) for n, c in blocks), dtype)
    if sorted(order) != list(range(len(shape))) or any(n < 1 for _, n in layout.blocks):
        raise ScheduleError(f"schedule: layout '{tag}' does not name {len(shape)} dimensions")
    if any(d >= len(shape) for d, _ in layout.blocks) or layout.tag() != tag:
        raise ScheduleError(f"schedule: layout '{tag}' is not of the form aBcd8b")
    return layout
