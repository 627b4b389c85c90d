"""Convolutions and transposed ones, whole, in groups, or channel by channel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import prod

from harness.benchdnn.entries import alike, channels_of, primitive_of
from harness.benchdnn.problem import LETTERS, Convolution, Window
from harness.onnx.expressions import Inexpressible
from harness.onnx.graph import Graph, GraphNode
from harness.onnx.padding import padding_of
from harness.onnx.start import Addend, Axes, Start, shape_of
from harness.onnx.windows import LINE, kernel_of, scattered, windows


def convolution(node: GraphNode, graph: Graph) -> Start:
    data, weight, out = (shape_of(n, graph) for n in (*node.inputs[:2], node.outputs[0]))
    groups = node.attributes.get("group", 1)
    if groups < 1 or data[1] != weight[1] * groups or weight[0] % groups:
        raise Inexpressible(f"{data[1]} channels for weights of {groups} x {weight[1]}")
    found = windows(node, data[2:], out[2:], kernel_of(node, weight))
    padding = padding_of(node.inputs[0], graph)
    found = found if padding is None else padding.around(found)
    problem = Convolution("", groups, data[0], data[1], weight[0], found)
    _, channels = channels_of(groups, data[1], weight[0])
    start = _start(*primitive_of(problem), channels, len(found), node, graph)
    return start if padding is None else replace(start, through=(padding.place,))


def transposed(node: GraphNode, graph: Graph) -> Start:
    """Of two dimensions; of one as rows in images of height one."""
    data, weight, out = (shape_of(n, graph) for n in (*node.inputs[:2], node.outputs[0]))
    groups = node.attributes.get("group", 1)
    if groups < 1 or data[1] != weight[0] or data[1] % groups:
        raise Inexpressible(f"{data[1]} channels in {groups} groups for weights of {weight}")
    found = scattered(node, data[2:], out[2:], kernel_of(node, weight))
    if len(found) > 2:
        raise Inexpressible("a transposed convolution of three dimensions; primitives have two")
    kind, channels = channels_of(groups, data[1], weight[1] * groups)
    sizes = {"n": data[0], **channels, **_scattered(found if len(found) == 2 else (LINE, *found))}
    return _start(f"{kind}deconv2d", sizes, channels, len(found), node, graph)


def _scattered(found: tuple[Window, ...]) -> dict[str, int]:
    """Sizes of rows and columns: what is cropped in front of the output and behind it, and how
    many there are behind the last one that a window reaches."""
    sizes = {f"i{letter}": w.input for letter, w in zip("hw", found, strict=True)}
    sizes |= {f"k{letter}": w.kernel for letter, w in zip("hw", found, strict=True)}
    sizes |= alike("stride", "hw", [w.stride for w in found])
    sizes |= alike("dilation", "hw", [w.dilation + 1 for w in found])
    for letter, w in zip("hw", found, strict=True):
        reach = (w.input - 1) * w.stride + (w.kernel - 1) * (w.dilation + 1) + 1
        behind = reach - w.before - w.output
        sizes |= {f"pad_{letter}": w.before, f"pad_{letter}_end": max(behind, 0)}
        sizes |= {f"more_{letter}": max(-behind, 0)}
    return sizes


def _start(
    primitive: str,
    sizes: Mapping[str, int],
    channels: Mapping[str, int],
    rank: int,
    node: GraphNode,
    graph: Graph,
) -> Start:
    """With the bias; `channels` are those of `channels_of`, groups outermost."""
    outer = tuple(loop for loop in channels if loop != "ic")
    count = prod(channels[loop] for loop in outer)
    rows = [f"o{letter}" for letter in LETTERS[-rank:]]
    several = [("n",), outer, *((row,) for row in rows)]
    axes: Axes = tuple((loops, (axis,)) for axis, loops in enumerate(several))
    bias = node.input(2)
    if bias and shape_of(bias, graph) != (count,):
        raise Inexpressible(f"a bias of {shape_of(bias, graph)} for {count} channels")
    known = node.inputs[1] in graph.constants
    return Start(
        primitive,
        sizes,
        "out",
        axes,
        changes={} if known else {"constant": []},
        words=() if known else ("variable",),
        addend=Addend(bias, (count, *(1 for _ in rows))) if bias else None,
    )
