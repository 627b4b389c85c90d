"""Softmax and normalisations: what is made of the elements along one or several dimensions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from harness.onnx.expressions import Inexpressible, number
from harness.onnx.graph import Graph, GraphNode, Shape
from harness.onnx.start import Axes, Start, shape_of


def softmax(node: GraphNode, graph: Graph) -> Start:
    """Before opset 13 over all axes from `axis` on, since then along that one."""
    data = shape_of(node.inputs[0], graph)
    rank = len(data)
    axis = node.attributes.get("axis", -1 if graph.opset >= 13 else 1)
    first = axis + rank if axis < 0 else axis
    if not 0 <= first < rank + (graph.opset < 13):
        raise Inexpressible(f"a softmax along axis {axis} of {rank}")
    if graph.opset < 13 or prod(data[first + 1 :]) == 1:
        return Start("softmax", *_rows(data, first))
    sizes = {"m": prod(data[:first]), "n": data[first], "p": prod(data[first + 1 :])}
    several = (("m", range(first)), ("n", (first,)), ("p", range(first + 1, rank)))
    axes: Axes = tuple(((loop,), tuple(own)) for loop, own in several)
    tensors = {"x": ["m", "n", "p"], "y": ["m", "n", "p"]}
    tensors |= {name: ["m", "p"] for name in ("largest", "total", "scale")}
    return Start(
        "softmax",
        sizes,
        "y",
        axes,
        changes={"sizes": sizes, "tensors": tensors},
        rewritten={"[m]": "[m,p]", "[m,n]": "[m,n,p]"},
        words=("inner",),
    )


def _rows(data: Shape, first: int) -> tuple[Mapping[str, int], str, Axes]:
    """Sizes, output and axes of a row-major primitive along the axes from `first` on."""
    sizes = {"m": prod(data[:first]), "n": prod(data[first:])}
    axes = ((("m",), tuple(range(first))), (("n",), tuple(range(first, len(data)))))
    return sizes, "y", axes


def normalised(node: GraphNode, graph: Graph) -> Start:
    """LayerNormalization."""
    data = shape_of(node.inputs[0], graph)
    if node.has_output(1) or node.has_output(2):
        raise Inexpressible("mean or deviation is asked for")
    first = last_axes(node, len(data))
    named = zip(("gamma", "beta"), node.inputs[1:3], strict=False)
    parameters = {tensor: name for tensor, name in named if name}
    if "gamma" not in parameters:
        raise Inexpressible("its scale is missing")
    for name in parameters.values():
        if shape_of(name, graph) != data[first:]:
            raise Inexpressible(f"'{name}' of {shape_of(name, graph)} for rows of {data[first:]}")
    constant = [t for t, name in parameters.items() if name in graph.constants]
    epsilon = node.attributes.get("epsilon", 1e-5)
    return layer_norm(data, first, epsilon, "beta" in parameters, constant)


def last_axes(node: GraphNode, rank: int) -> int:
    """The first of the axes that a normalisation goes over. Raises Inexpressible."""
    axis: int = node.attributes.get("axis", -1)
    if not -rank <= axis < rank:
        raise Inexpressible(f"an axis {axis} of {rank}")
    return axis % rank


def layer_norm(
    data: Shape,
    first: int,
    epsilon: float,
    shifted: bool = True,
    constant: Sequence[str] = ("gamma", "beta"),
) -> Start:
    """Over the axes from `first` on, with a scale of each column and, mostly, a shift."""
    changes: dict[str, Any] = {"constant": list(constant)}
    rewritten: dict[str, str] = {}
    parameters = ["gamma", "beta"][: 1 + shifted]
    told = number(epsilon).text
    if float(told) != 1e-5:
        rewritten["1e-5"] = told
    if not shifted:
        rewritten[" + beta[n]"] = ""
        changes["tensors"] = {"beta": None}
    words = (
        *((f"epsilon_{_word(told)}",) if "1e-5" in rewritten else ()),
        *(() if shifted else ("unshifted",)),
        *(() if list(constant) == parameters else ("variable",)),
    )
    return Start("layernorm", *_rows(data, first), changes, rewritten, words)


def _word(told: str) -> str:
    return told.replace("-", "m").replace(".", "p").replace("+", "")
