"""How the tensors of a graph lie: an ONNX tensor is dense, a view of a tensor has strides.

A view's strides are those of its tensor's row-major array; an array that holds a view densely has
the view's dimensions in their order. From one such array to another it takes a transposition, a
change of shape, or both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from compiler.schedule.layout import Array
from harness.baseline.recognition.views import Unrecognised, View
from harness.strides import Steps, joined


@dataclass(frozen=True)
class Arrangement:
    """What is bound to an input of a graph, or to its output: a tensor in another order.

    `dims` and `strides` walk the row-major array of `elements` from `offset` on; the result lies
    densely in `shape`.
    """

    name: str  # in the graph
    tensor: str
    elements: int
    dims: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int
    shape: tuple[int, ...]
    constant: bool

    def letters(self, shape: Sequence[int]) -> str:
        """Dimensions of a tensor of this shape in the order in which they lie, as oneDNN's letters.

        What has a length of 1 stays where it is declared.
        """
        held = list(zip(self.dims, self.strides, strict=True))

        def place(d: int) -> tuple[int, int]:
            own = prod(shape[d + 1 :])
            at = (k for k, (n, step) in enumerate(held) if step <= own < n * step)
            return next(at, d), d

        long = iter(sorted((d for d, n in enumerate(shape) if n > 1), key=place))
        order = (next(long) if n > 1 else d for d, n in enumerate(shape))
        return "".join(chr(ord("a") + d) for d in order)

    def packed(self, values: Array) -> Array:
        """The tensor's values as the graph wants them."""
        return np.ascontiguousarray(self._walked(values.reshape(-1))).reshape(self.shape)

    def unpack(self, values: Array, into: Array) -> None:
        """The graph's output into the row-major array of the tensor."""
        self._walked(into.reshape(-1))[...] = values.reshape(self.dims)

    def _walked(self, flat: Array) -> Array:
        steps = [flat.itemsize * stride for stride in self.strides]
        return np.lib.stride_tricks.as_strided(flat[self.offset :], self.dims, steps)


def steps_of(view: View) -> Steps:
    return tuple(zip(view.dims, view.plain, strict=True))


def as_stored(view: View) -> Steps:
    """The dimensions of a view as its caller has them in memory, the slowest first."""
    order = sorted(range(len(view.dims)), key=lambda d: (-view.stored[d], d))
    return tuple((view.dims[d], view.plain[d]) for d in order)


def transposition(there: Steps, wanted: Steps) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Shape and permutation that make one dense array another; None where a new shape is enough.

    Raises Unrecognised where they hold different elements.
    """
    if joined(there) == joined(wanted):
        return None
    one, other = ([s for s in steps if s[0] > 1] for steps in (there, wanted))
    if sorted(one) != sorted(other):
        raise Unrecognised("an operator reads a part of what another one writes")
    return tuple(length for length, _ in one), tuple(one.index(step) for step in other)


def arrangement(
    name: str, view: View, steps: Steps, shape: Sequence[int] | None = None
) -> Arrangement:
    """The view's elements in the order of `steps`, in a shape of its own where one is given."""
    dims = tuple(length for length, _ in steps)
    assert shape is None or prod(shape) == prod(dims)
    return Arrangement(
        name,
        view.tensor,
        view.elements,
        dims,
        tuple(stride for _, stride in steps),
        view.offset,
        dims if shape is None else tuple(shape),
        view.constant,
    )
