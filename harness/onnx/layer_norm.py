"""Layer normalisation as exporters wrote it before opset 17 had it: nine nodes that are one.

mean = ReduceMean(x)     d = Sub(x, mean)     v = ReduceMean(Pow(d, 2))
y = Add(Mul(Div(d, Sqrt(Add(v, epsilon))), gamma), beta)
"""

from __future__ import annotations

from harness.onnx.graph import Graph
from harness.onnx.rows import layer_norm
from harness.onnx.start import Start


class _Other(Exception):
    """The nodes are not these."""


def layer_norm_at(place: int, graph: Graph) -> tuple[Start, list[int]] | None:
    """What begins at the first ReduceMean, and the places of the nodes; None where none does."""
    try:
        return _found(place, graph)
    except _Other:
        return None


def _found(place: int, graph: Graph) -> tuple[Start, list[int]]:
    first = graph.nodes[place]
    if first.op != "ReduceMean":
        raise _Other
    data = first.inputs[0]
    shape = graph.shapes.get(data, ())
    axis = _last_axis(place, len(shape), graph)
    centred = _reader(first.outputs[0], "Sub", graph)
    if graph.nodes[centred].inputs != (data, first.outputs[0]):
        raise _Other
    held = graph.nodes[centred].outputs[0]
    squared = _reader(held, "Pow", graph, uses=2)
    if graph.number(graph.nodes[squared].input(1)) != 2:
        raise _Other
    variance = _reader(graph.nodes[squared].outputs[0], "ReduceMean", graph)
    if _last_axis(variance, len(shape), graph) != axis:
        raise _Other
    raised = _reader(graph.nodes[variance].outputs[0], "Add", graph)
    epsilon = _other(raised, graph.nodes[variance].outputs[0], graph)
    value = graph.number(epsilon)
    deviation = _reader(graph.nodes[raised].outputs[0], "Sqrt", graph)
    divided = _reader(held, "Div", graph, uses=2)
    if graph.nodes[divided].inputs != (held, graph.nodes[deviation].outputs[0]):
        raise _Other
    scaled = _reader(graph.nodes[divided].outputs[0], "Mul", graph)
    shifted = _reader(graph.nodes[scaled].outputs[0], "Add", graph)
    for one, read in ((scaled, divided), (shifted, scaled)):
        parameter = _other(one, graph.nodes[read].outputs[0], graph)
        if parameter not in graph.constants or graph.shapes.get(parameter) != shape[axis:]:
            raise _Other
    if value is None or value < 0:
        raise _Other
    places = [place, centred, squared, variance, raised, deviation, divided, scaled, shifted]
    return layer_norm(shape, axis, value), places


def _last_axis(place: int, rank: int, graph: Graph) -> int:
    """Of a mean that keeps its dimensions and goes over the last axis alone."""
    node = graph.nodes[place]
    axes = node.attributes.get("axes") or graph.integers(node.input(1)) or ()
    if not rank or [axis % rank for axis in axes] != [rank - 1]:
        raise _Other
    if not node.attributes.get("keepdims", 1):
        raise _Other
    return rank - 1


def _reader(name: str, op: str, graph: Graph, uses: int = 1) -> int:
    """The place of the only node of this kind that reads a tensor, which is read so often."""
    found = [p for p in graph.readers.get(name, ()) if graph.nodes[p].op == op]
    if len(found) != 1 or graph.uses[name] != uses:
        raise _Other
    return found[0]


def _other(place: int, name: str, graph: Graph) -> str:
    """The other operand of two."""
    node = graph.nodes[place]
    rest = [one for one in node.inputs if one != name]
    if len(node.inputs) != 2 or len(rest) != 1:
        raise _Other
    return rest[0]
