"""Tensors in a kernel's own layout and alignment: what goes from one kernel to the next."""

from __future__ import annotations

import ctypes
import threading
from typing import Any

import numpy as np

from compiler.codegen.kernel import ALIGNED
from compiler.problem.dtypes import DType
from compiler.problem.primitive import Tensor
from compiler.schedule.layout import Array, Layout

Form = tuple[object, ...]

_FORMS: dict[Form, Form] = {}
_CLEANING = threading.Lock()


def form_of(tensor: Tensor, layout: Layout) -> Form:
    """What two packed tensors share that can stand for each other; equal ones are one object."""
    form = (tensor.shape, layout.dtype.name, layout.form)
    return _FORMS.setdefault(form, form)


def aligned(elements: int, dtype: DType) -> tuple[Array, int]:
    """Uninitialised memory that begins with a cache line, and its address."""
    raw = np.empty(elements + ALIGNED // dtype.bytes, dtype.numpy)
    address = ctypes.addressof(ctypes.c_char.from_buffer(raw.data))  # raw.ctypes takes 0.8 us
    skipped = -address % ALIGNED
    start = skipped // dtype.bytes
    return raw[start : start + elements], address + skipped


class PackedTensor:
    """A tensor as kernels read and write it; `numpy.asarray` gives it row-major again, a copy.

    Where blocks do not divide a dimension its buffer has lanes beyond the tensor. Kernels read
    zeros there, and may leave anything: it is `dirty` then, until it is cleaned.
    """

    __slots__ = ("address", "buffer", "dirty", "form", "layout", "shape")

    def __init__(self, shape: tuple[int, ...], layout: Layout, form: Form) -> None:
        self.shape = shape
        self.layout = layout
        self.form = form
        self.buffer, self.address = aligned(layout.elements, layout.dtype)
        self.dirty = layout.padded

    def fill(self, values: Array) -> None:
        """Values of the tensor, zeros around them."""
        self.buffer[:] = self.layout.pack(values)
        self.dirty = False

    def clean(self) -> None:
        """Put zeros where a kernel may have left something."""
        with _CLEANING:
            if self.dirty:
                self.fill(self.unpacked())

    def unpacked(self) -> Array:
        """Row-major, a copy."""
        return self.layout.unpack(self.buffer).reshape(self.shape)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and other processes get memory of their own: an address is of this one alone."""
        return _again, (self.shape, self.layout, self.form, self.buffer, self.dirty)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        if copy is False:
            raise ValueError("a packed tensor becomes an array by a copy")
        return self.unpacked().astype(dtype or self.layout.dtype.numpy, copy=False)

    def __repr__(self) -> str:
        return f"<packed tensor of shape {self.shape}, {self.layout.tag()}>"


def _again(
    shape: tuple[int, ...], layout: Layout, form: Form, buffer: Array, dirty: bool
) -> PackedTensor:
    made = PackedTensor(shape, layout, _FORMS.setdefault(form, form))
    made.buffer[:] = buffer
    made.dirty = dirty
    return made
