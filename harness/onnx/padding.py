"""Zeros that a node of its own puts around an image: padding of the convolution that reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.benchdnn.problem import Window
from harness.onnx.graph import ONNX, Graph, Shape


@dataclass(frozen=True)
class Padding:
    """`shape` is that of what is padded, `before` how much is in front; `place` is the node's."""

    shape: Shape
    before: Sequence[int]
    place: int

    def around(self, windows: Sequence[Window]) -> tuple[Window, ...]:
        """Windows of the padded image as those of the image."""
        sizes, before = self.shape[2:], self.before[2:]
        return tuple(
            replace(window, input=size, before=window.before + more)
            for window, size, more in zip(windows, sizes, before, strict=True)
        )


def padding_of(name: str, graph: Graph) -> Padding | None:
    """None where a tensor is not made by padding images with zeros, or others read it too."""
    place = graph.written_by.get(name)
    if place is None or name in graph.constants or graph.uses[name] != 1:
        return None
    node = graph.nodes[place]
    if node.op != "Pad" or node.domain != ONNX or node.input(3):
        return None
    source, told = graph.shapes.get(node.input(0)), node.attributes.get
    pads = graph.integers(node.input(1)) if node.input(1) else told("pads")
    value = graph.number(node.input(2)) if node.input(2) else told("value", 0.0)
    if source is None or pads is None or told("mode", "constant") != "constant" or value != 0:
        return None
    rank = len(source)
    if len(pads) != 2 * rank or min(pads, default=0) < 0 or any((*pads[:2], *pads[rank:][:2])):
        return None
    ends = zip(pads[:rank], source, pads[rank:], strict=True)
    if tuple(map(sum, ends)) != graph.shapes.get(name):
        return None
    return Padding(source, pads[:rank], place)
