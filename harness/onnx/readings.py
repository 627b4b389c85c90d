"""Tensors that a node reads transposed, as they lie in memory.

Reshape, Transpose, MatMul      the product's own reading: the Transpose is none of its own
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.onnx.expressions import Inexpressible
from harness.onnx.graph import ONNX, VIEWS, Graph, GraphNode, Shape
from harness.onnx.start import shape_of
from harness.strides import joined


@dataclass(frozen=True)
class Reading:
    """`dims` as they are read; `steps` in memory, in elements, from one to the next of each.

    `through` are the places of the Transposes in between.
    """

    dims: Shape
    steps: Shape
    through: tuple[int, ...] = ()

    def turned(self, order: Sequence[int]) -> Reading:
        """Its dimensions in another order."""
        dims, steps = (tuple(of[axis] for axis in order) for of in (self.dims, self.steps))
        return Reading(dims, steps, self.through)

    def widened(self, rank: int) -> Reading:
        """With dimensions of 1 in front."""
        more = (1,) * (rank - len(self.dims))
        return Reading(more + self.dims, more + self.steps, self.through)


def reading_of(name: str, graph: Graph) -> Reading:
    """Through the views and Transposes that nothing else reads. Raises Inexpressible."""
    passed: list[int] = []
    source = name
    while (place := _passed(source, graph)) is not None:
        passed.append(place)
        source = graph.nodes[place].inputs[0]
    found = _contiguous(shape_of(source, graph))
    for place in reversed(passed):
        node = graph.nodes[place]
        if node.op == "Transpose":
            found = _transposed(node, place, found)
        else:
            shape = shape_of(node.outputs[0], graph)
            found = _reshaped(found, shape) or _contiguous(shape)
    return found


def _passed(name: str, graph: Graph) -> int | None:
    """The place of the view or Transpose that a tensor comes from, where one alone reads it."""
    place = graph.written_by.get(name)
    if place is None or name in graph.constants or graph.uses[name] != 1:
        return None
    node = graph.nodes[place]
    moves = node.domain == ONNX and node.op in ("Transpose", *VIEWS)
    return place if moves and node.input(0) in graph.shapes else None


def _contiguous(shape: Shape) -> Reading:
    steps, step = [], 1
    for dim in reversed(shape):
        steps.append(step)
        step *= dim
    return Reading(shape, tuple(reversed(steps)))


def _transposed(node: GraphNode, place: int, read: Reading) -> Reading:
    rank = len(read.dims)
    order = node.perm(rank)
    if sorted(order) != list(range(rank)):
        raise Inexpressible(f"a perm of {order} for {rank} dimensions")
    turned = read.turned(order)
    return Reading(turned.dims, turned.steps, (*read.through, place))


def _reshaped(read: Reading, shape: Shape) -> Reading | None:
    """The same elements in another shape; None where no steps lead through them."""
    left = list(joined(zip(read.dims, read.steps, strict=True)))
    steps = []
    for dim in reversed(shape):
        if dim == 1:
            steps.append(1)
            continue
        own, step = left.pop() if left else (1, 1)
        if own % dim:
            return None
        steps.append(step)
        if own > dim:
            left.append((own // dim, step * dim))
    return None if left else Reading(shape, tuple(reversed(steps)), read.through)
