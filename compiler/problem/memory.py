"""Tensors in float64 with room around them for the reads outside, seen through strided views."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import as_strided

from compiler.errors import ProblemError
from compiler.problem.evaluation import Array
from compiler.problem.primitive import Access, Primitive, Tensor

MOST_PADDED = 2**33  # elements; beyond it a primitive's offsets are absurd
Box = dict[str, tuple[int, int]]  # loop -> (first iteration, iterations), in the statement's order


@dataclass(frozen=True)
class Memory:
    """One array per tensor, padded so that every access of the primitive stays inside it."""

    arrays: Mapping[str, Array]
    lows: Mapping[str, tuple[int, ...]]  # logical index of the first element, per dimension
    shapes: Mapping[str, tuple[int, ...]]

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
        used = {loop for index in access.indices for loop in index.loops}
        shape = [n if loop in used else 1 for loop, (_, n) in box.items()]
        strides = [step * array.itemsize for step in steps.values()]
        return as_strided(array.reshape(-1)[offset:], shape, strides)


def memory_of(
    primitive: Primitive, inputs: Mapping[str, npt.NDArray[np.generic]], absolute: bool
) -> Memory:
    """All tensors at their start; with `absolute`, magnitudes (infinities count as nothing)."""
    arrays: dict[str, Array] = {}
    lows: dict[str, tuple[int, ...]] = {}
    for tensor in primitive.tensors:
        low, high = _reach(primitive, tensor)
        shape = [h - lo + 1 for lo, h in zip(low, high, strict=True)]
        if np.prod(shape, dtype=float) > MOST_PADDED:
            raise ProblemError(
                f"{primitive.name}: accesses of {tensor.name} span {shape}, too far for a reference"
            )
        outside = 0.0 if tensor.outside is None else tensor.outside
        arrays[tensor.name] = np.full(shape, _magnitude(outside) if absolute else outside)
        lows[tensor.name] = low
    memory = Memory(arrays, lows, {t.name: t.shape for t in primitive.tensors})
    for tensor in primitive.tensors:
        start = starting_values(primitive, tensor, inputs)
        memory.interior(tensor.name)[...] = _magnitude(start) if absolute else start
    return memory


def _magnitude(values: Array | float) -> Array:
    found = np.abs(np.asarray(values, np.float64))
    return np.where(np.isinf(found), 0.0, found)


def starting_values(
    primitive: Primitive, tensor: Tensor, inputs: Mapping[str, npt.NDArray[np.generic]]
) -> Array | float:
    """What a tensor holds before the first statement."""
    start = primitive.start_of(tensor.name)
    if start is not None:
        return start
    if tensor.values is not None:
        return np.asarray(tensor.values, np.float32).astype(np.float64).reshape(tensor.shape)
    if tensor.name not in inputs:
        raise ProblemError(f"{primitive.name}: no values given for the input '{tensor.name}'")
    found = np.asarray(inputs[tensor.name], np.float64)
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
