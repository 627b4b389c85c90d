"""Sums, maxima and their kin over any dimensions."""

from __future__ import annotations

from itertools import groupby
from math import prod

from harness.onnx.expressions import Inexpressible
from harness.onnx.graph import Graph, GraphNode, Shape
from harness.onnx.start import Axes, Start, shape_of

# By operator: what is added up or compared, and what becomes of it; `share` is one element's.
_FORMS = {
    "ReduceL1": ("{y} += abs({x})", ""),
    "ReduceL2": ("{y} += {x} * {x}", "{y} = sqrt({y})"),
    "ReduceMax": ("{y} = max({y}, {x})", ""),
    "ReduceMean": ("{y} += {x}", "{y} = {y} * {share}"),
    "ReduceMin": ("{y} = min({y}, {x})", ""),
    "ReduceSum": ("{y} += {x}", ""),
    "ReduceSumSquare": ("{y} += {x} * {x}", ""),
}
REDUCTIONS = tuple(_FORMS)


def reduction(node: GraphNode, graph: Graph) -> Start:
    """A mean over the last dimensions is the average of an image, any other one a file of its own.

    Dimensions side by side that are kept, or are gone, are one loop.
    """
    data = shape_of(node.inputs[0], graph)
    gone = _gone(node, graph, len(data))
    out = shape_of(node.outputs[0], graph)
    stay = node.attributes.get("keepdims", 1) == 1
    places = [axis for axis in range(len(data)) if stay or axis not in gone]
    if out != tuple(1 if axis in gone else data[axis] for axis in places):
        raise Inexpressible(f"a result of {out} for axes {sorted(gone)} of {data}")
    if node.op == "ReduceMean" and 0 < min(gone) == len(data) - len(gone):
        return _image(data, min(gone), stay)
    kept: dict[str, tuple[int, ...]] = {}
    reduced: dict[str, tuple[int, ...]] = {}
    sizes: dict[str, int] = {} if len(gone) < len(data) else {"m": 1}
    for over, several in groupby(range(len(data)), key=gone.__contains__):
        own, letter = (reduced, "k") if over else (kept, "m")
        name = f"{letter}_{len(own) + 1}" if own else letter
        own[name] = tuple(several)
        sizes[name] = prod(data[axis] for axis in own[name])
    rows = [loop for loop in sizes if loop not in reduced]
    told = {
        "x": f"x[{','.join(sizes)}]",
        "y": f"y[{','.join(rows)}]",
        "share": f"(1/({'*'.join(reduced)}))",
    }
    spec = {
        "sizes": sizes,
        "tensors": {"x": list(sizes), "y": rows},
        "plain": ["x", "y"],
        "statements": [form.format_map(told) for form in _FORMS[node.op] if form],
    }
    axes: Axes = tuple(
        ((loop,), tuple(places.index(axis) for axis in own)) for loop, own in kept.items()
    )
    if stay:
        axes = (*axes, *(((), (axis,)) for axis in gone))
    return Start(_name(node.op), sizes, "y", axes, spec=spec)


def _gone(node: GraphNode, graph: Graph, rank: int) -> frozenset[int]:
    """The axes that it goes over: an attribute's, or those of an input in later opsets."""
    named = node.input(1)
    known = graph.integers(named) if named else ()
    if known is None:
        raise Inexpressible("its axes are not known")
    given = node.attributes.get("axes") or known
    if not given and node.attributes.get("noop_with_empty_axes", 0):
        raise Inexpressible("it goes over no axis")
    if not rank or any(not -rank <= axis < rank for axis in given):
        raise Inexpressible(f"axes {list(given)} of {rank}")
    return frozenset(axis % rank for axis in given) if given else frozenset(range(rank))


def _image(data: Shape, first: int, stay: bool) -> Start:
    """The mean over the axes from `first` on."""
    images = data[0] if first > 1 else 1
    sizes = {
        "n": images,
        "c": prod(data[:first]) // images,
        "ih": prod(data[first:-1]),
        "iw": data[-1],
    }
    if first > 1:
        kept: Axes = ((("n",), (0,)), (("c",), tuple(range(1, first))))
    else:
        kept = ((("n", "c"), (0,)),)
    gone: Axes = (((), tuple(range(first, len(data)))),) if stay else ()
    return Start("global_avg_pool2d", sizes, "out", (*kept, *gone))


def _name(op: str) -> str:
    """ReduceSumSquare is reduce_sum_square."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in op).strip("_")
