"""Tensors with room around them for the reads outside, seen through strided views.

Inputs stay as they were given: they are converted block by block as they are read, so that
a reference in float64 holds no copy of them in float64.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import as_strided

from compiler.errors import ProblemError
from compiler.problem.evaluation import Array, Lookup
from compiler.problem.primitive import Access, Primitive, Tensor

MOST_PADDED = 2**33  # elements; beyond it a primitive's offsets are absurd
Box = dict[str, tuple[int, int]]  # loop -> (first iteration, iterations), in the statement's order
Inputs = Mapping[str, npt.NDArray[np.generic]]
Precision = type[np.float32] | type[np.float64]


@dataclass(frozen=True)
class Memory:
    """One array per tensor, padded so that every access of the primitive stays inside it.

    What is read comes in `precision`; with `absolute` the inputs count by their magnitudes.
    """

    arrays: dict[str, Array]
    lows: Mapping[str, tuple[int, ...]]  # logical index of the first element, per dimension
    shapes: Mapping[str, tuple[int, ...]]
    inputs: frozenset[str]
    precision: Precision
    absolute: bool = False

    def interior(self, name: str) -> Array:
        """The tensor itself, without the padding."""
        slices = [
            slice(-low, size - low)
            for low, size in zip(self.lows[name], self.shapes[name], strict=True)
        ]
        return self.arrays[name][tuple(slices)]

    def view(self, access: Access, box: Box) -> Array:
        """The elements of an access over a box, an axis per loop (of size 1 where it is unused)."""
        array = self.arrays[access.tensor]
        steps = dict.fromkeys(box, 0)
        offset = 0
        lows = self.lows[access.tensor]
        for index, low, stride in zip(access.indices, lows, array.strides, strict=True):
            step = stride // array.itemsize
            first = {loop: start for loop, (start, _) in box.items()}
            offset += (index.at(first) - low) * step
            for loop, c in index.terms:
                steps[loop] += c * step
        shape = [n if loop in access.loops else 1 for loop, (_, n) in box.items()]
        strides = [step * array.itemsize for step in steps.values()]
        return as_strided(array.reshape(-1)[offset:], shape, strides)

    def read(self, access: Access, box: Box) -> Array:
        """The view's elements as numbers to compute with; never to be written."""
        return self.taken(access.tensor, self.view(access, box))

    def reader(self, box: Box) -> Lookup:
        """`read` over one box."""
        return lambda access: self.read(access, box)

    def taken(self, tensor: str, elements: Array) -> Array:
        """Elements of a tensor in the memory's precision, contiguous where that is a copy."""
        found = elements.astype(self.precision, order="C", copy=False)
        return np.abs(found) if self.absolute and tensor in self.inputs else found

    def in_float64(self) -> Memory:
        """The same, to go on with in float64."""
        arrays = {
            name: array if name in self.inputs else array.astype(np.float64)
            for name, array in self.arrays.items()
        }
        return Memory(arrays, self.lows, self.shapes, self.inputs, np.float64, self.absolute)


def memory_of(
    primitive: Primitive,
    inputs: Inputs,
    precision: Precision = np.float64,
    absolute: bool = False,
) -> Memory:
    """All tensors at their start; with `absolute`, magnitudes (infinities count as nothing)."""
    arrays: dict[str, Array] = {}
    lows: dict[str, tuple[int, ...]] = {}
    for tensor in primitive.tensors:
        low, high = _reach(primitive, tensor)
        shape = tuple(h - lo + 1 for lo, h in zip(low, high, strict=True))
        if np.prod(shape, dtype=float) > MOST_PADDED:
            raise ProblemError(
                f"{primitive.name}: accesses of {tensor.name} span {list(shape)}, "
                "too far for a reference"
            )
        start = _start(primitive, tensor, inputs)
        lows[tensor.name] = low
        if tensor.role == "input" and isinstance(start, np.ndarray) and shape == tensor.shape:
            arrays[tensor.name] = np.ascontiguousarray(start)
            continue
        outside = 0.0 if tensor.outside is None else tensor.outside
        outside = 0.0 if absolute and np.isinf(outside) else outside
        kept = start.dtype if tensor.role == "input" and isinstance(start, np.ndarray) else None
        array = np.full(shape, outside, kept or precision)
        inside = tuple(slice(-lo, n - lo) for lo, n in zip(low, tensor.shape, strict=True))
        array[inside] = start
        if absolute and tensor.role != "input":
            array = np.where(np.isinf(array), 0.0, np.abs(array)).astype(precision)
        arrays[tensor.name] = array
    return Memory(
        arrays,
        lows,
        {t.name: t.shape for t in primitive.tensors},
        frozenset(t.name for t in primitive.tensors if t.role == "input"),
        precision,
        absolute,
    )


def _start(primitive: Primitive, tensor: Tensor, inputs: Inputs) -> Array | float:
    """What a tensor holds before the first statement."""
    start = primitive.start_of(tensor.name)
    if start is not None:
        return start
    if tensor.values is not None:
        return np.asarray(tensor.values, tensor.dtype.numpy).reshape(tensor.shape)
    if tensor.name not in inputs:
        raise ProblemError(f"{primitive.name}: no values given for the input '{tensor.name}'")
    found = np.asarray(inputs[tensor.name])
    if found.shape != tensor.shape:
        raise ProblemError(
            f"{primitive.name}: '{tensor.name}' has shape {tensor.shape}, got {found.shape}"
        )
    return found


def _reach(primitive: Primitive, tensor: Tensor) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Smallest and largest index per dimension that an access touches, the tensor included."""
    extents = dict(primitive.extents)
    low = [0] * len(tensor.shape)
    high = [n - 1 for n in tensor.shape]
    for statement in primitive.statements:
        for access in statement.reads:  # writes outside are dropped, they need no room
            if access.tensor == tensor.name:
                for d, index in enumerate(access.indices):
                    first, last = index.bounds(extents)
                    low[d], high[d] = min(low[d], first), max(high[d], last)
    return tuple(low), tuple(high)
