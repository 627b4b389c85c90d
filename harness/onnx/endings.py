"""A Transpose behind a problem: how its result lies in memory."""

from __future__ import annotations

from collections.abc import Sequence

from harness.onnx.graph import ONNX, Graph, Shape
from harness.onnx.start import Axes


def transpose_behind(name: str, graph: Graph) -> int | None:
    """The place of the Transpose that alone reads a tensor; None where others do, or none."""
    places = graph.readers.get(name, ())
    if len(places) != 1 or graph.uses[name] != 1:
        return None
    node = graph.nodes[places[0]]
    return places[0] if node.op == "Transpose" and node.domain == ONNX else None


def order_behind(perm: Sequence[int], shape: Shape, axes: Axes) -> tuple[str, ...] | None:
    """Loops of a result from the slowest to the fastest where its axes are exchanged.

    None where those of a loop over several axes do not stay together.
    """
    if sorted(perm) != list(range(len(shape))):
        return None
    left = [axis for axis in perm if shape[axis] > 1]
    found: list[str] = []
    while left:
        loops, several = next((one for one in axes if left[0] in one[1]), ((), ()))
        own = [axis for axis in several if shape[axis] > 1]
        if not own or left[: len(own)] != own:
            return None
        found += loops
        del left[: len(own)]
    return tuple(found)
