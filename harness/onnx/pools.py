"""Pools: maxima and averages of windows, and of whole images."""

from __future__ import annotations

from math import prod

from harness.benchdnn.entries import primitive_of
from harness.benchdnn.problem import Convolution, Window
from harness.onnx.expressions import Inexpressible
from harness.onnx.graph import Graph, GraphNode
from harness.onnx.start import Axes, Start, shape_of
from harness.onnx.windows import LINE, windows


def pool(node: GraphNode, graph: Graph) -> Start:
    """Of two dimensions; of one as rows in images of height one."""
    data, out = (shape_of(n, graph) for n in (node.inputs[0], node.outputs[0]))
    if node.has_output(1):
        raise Inexpressible("the places of the largest are asked for")
    found = windows(node, data[2:], out[2:], tuple(node.attributes.get("kernel_shape", ())))
    if len(found) > 2:
        raise Inexpressible("a pool of three dimensions; primitives have two")
    if any(map(_has_empty, found)):  # ceil_mode adds some, which runtimes then leave away
        raise Inexpressible("a window that has nothing of the image")
    primitive = "max_pool2d" if node.op == "MaxPool" else _average(node, found)
    rows = ("oh", "ow")[-len(found) :]
    found = found if len(found) == 2 else (LINE, *found)
    channels = data[1]
    _, sizes = primitive_of(Convolution("", 1, data[0], channels, channels, found))
    sizes = {"c": channels, **{k: v for k, v in sizes.items() if k not in ("ic", "oc")}}
    several = [("n",), ("c",), *((row,) for row in rows)]
    axes: Axes = tuple((loops, (axis,)) for axis, loops in enumerate(several))
    return Start(primitive, sizes, "out", axes)


def _has_empty(window: Window) -> bool:
    """Whether one of its places has no tap inside: the last one, or one that begins before."""
    step, first = window.dilation + 1, -window.before
    last = first + (window.output - 1) * window.stride
    if last >= window.input or first + (window.kernel - 1) * step < 0:
        return True
    if step <= window.input:
        return False
    before = range(first, min(last + 1, 0), window.stride)
    return any(start % step >= window.input for start in before)


def _average(node: GraphNode, found: tuple[Window, ...]) -> str:
    """By what padding counts, where there is any."""
    rank = len(found)
    given = node.attributes.get("pads", [0] * 2 * rank)[rank:]
    if all(window.before == 0 and window.after <= 0 for window in found):
        return "avg_pool2d"
    if not node.attributes.get("count_include_pad", 0):
        return "avg_pool2d_exclude_padding"
    if node.attributes.get("auto_pad", "").startswith("SAME"):
        return "avg_pool2d"
    if any(window.after > pad for window, pad in zip(found, given, strict=True)):
        raise Inexpressible("padding counts, but not where ceil_mode adds a window")
    return "avg_pool2d"


def global_pool(node: GraphNode, graph: Graph) -> Start:
    data = shape_of(node.inputs[0], graph)
    if len(data) < 3:
        raise Inexpressible("no spatial dimensions")
    height, width = prod(data[2:-1]), data[-1]
    axes: Axes = ((("n",), (0,)), (("c",), (1,)), ((), tuple(range(2, len(data)))))
    sizes = {"n": data[0], "c": data[1], "ih": height, "iw": width}
    if node.op == "GlobalAveragePool":
        return Start("global_avg_pool2d", sizes, "out", axes)
    sizes |= {"kh": height, "kw": width, "stride": 1, "pad_h": 0, "pad_w": 0}
    axes = ((("n",), (0,)), (("c",), (1,)), (("oh", "ow"), tuple(range(2, len(data)))))
    return Start("max_pool2d", sizes, "out", axes)
