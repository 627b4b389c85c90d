"""Upsampling to the nearest pixel by whole factors: each one is repeated over a block."""

from __future__ import annotations

from harness.onnx.expressions import Inexpressible
from harness.onnx.graph import Graph, GraphNode, Shape
from harness.onnx.start import Start, loop_names, shape_of

# How a coordinate is found, and rounded, where a whole factor f has pixel i from i//f: half a pixel
# is never reached from the middle of a block.
_BLOCKS = (
    ("asymmetric", "floor"),
    ("tf_half_pixel_for_nn", "floor"),
    *(
        (way, nearest)
        for way in ("half_pixel", "half_pixel_symmetric", "pytorch_half_pixel")
        for nearest in ("round_prefer_floor", "round_prefer_ceil")
    ),
)


def resized(node: GraphNode, graph: Graph) -> Start:
    data, out = (shape_of(n, graph) for n in (node.inputs[0], node.outputs[0]))
    factors = _factors(node, graph, data, out)
    loops = loop_names(len(data))
    spread = [(loop, factor) for loop, factor in zip(loops, factors, strict=True) if factor > 1]
    sizes = dict(zip(loops, data, strict=True))
    sizes |= {f"scale_{loop}": factor for loop, factor in spread}
    index = {loop: f"{loop}*scale_{loop} + k_{loop}" for loop, _ in spread}
    target = [f"out_{loop}" if loop in index else loop for loop in loops]
    told = ", ".join(index.get(loop, loop) for loop in loops)
    spec = {
        "sizes": sizes,
        "extents": {
            **{f"out_{loop}": f"{loop}*scale_{loop}" for loop in index},
            **{f"k_{loop}": f"scale_{loop}" for loop in index},
        },
        "tensors": {"x": loops, "y": target},
        "statements": [f"y[{told}] = x[{','.join(loops)}]"],
    }
    axes = tuple(((loop,), (axis,)) for axis, loop in enumerate(target))
    return Start("upsample", sizes, "y", axes, spec=spec)


def _factors(node: GraphNode, graph: Graph, data: Shape, out: Shape) -> Shape:
    """By axis. Raises Inexpressible where a pixel is no block's."""
    told = node.attributes.get
    if (mode := told("mode", "nearest")) != "nearest":
        raise Inexpressible(f"it resizes by mode {mode}; primitives repeat the nearest")
    if node.op == "Resize" and graph.opset >= 11:
        way = told("coordinate_transformation_mode", "half_pixel")
        nearest = told("nearest_mode", "round_prefer_floor")
        if (way, nearest) not in _BLOCKS:
            raise Inexpressible(f"its nearest pixel is that of {way} and {nearest}")
        if told("keep_aspect_ratio_policy", "stretch") != "stretch":
            raise Inexpressible("its sizes keep the aspect ratio")
    factors = tuple(there // here for there, here in zip(out, data, strict=False))
    if tuple(f * here for f, here in zip(factors, data, strict=False)) != out:
        raise Inexpressible(f"{out} are no whole multiples of {data}")
    axes = [axis % max(len(data), 1) for axis in told("axes", range(len(data)))]
    scales = _scales(node, graph)
    if scales is not None and list(scales) != [factors[axis] for axis in axes]:
        raise Inexpressible(f"scales of {list(scales)} for {data} to {out}")
    return factors


def _scales(node: GraphNode, graph: Graph) -> tuple[float, ...] | None:
    """None where the sizes are given instead. Raises Inexpressible where they are not known."""
    place = 2 if node.op == "Resize" and graph.opset >= 11 else 1
    name, told = node.input(place), node.attributes.get("scales")
    if told is not None:
        return tuple(told)
    held = graph.values.get(name)
    if name and held is None:
        raise Inexpressible("its scales are not known")
    if not held and not node.input(3):
        raise Inexpressible("it has neither scales nor sizes")
    return held or None
