"""Normalisations that have no file in conf/primitive/: over groups of channels, neighbouring
channels, and by the root mean square."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from harness.onnx.expressions import ATOM, Inexpressible, Term, number, power
from harness.onnx.graph import Graph, GraphNode
from harness.onnx.rows import last_axes
from harness.onnx.start import Axes, Start, shape_of


def group_norm(node: GraphNode, graph: Graph) -> Start:
    """GroupNormalization; InstanceNormalization, where every channel is a group.

    Scale and shift are those of channels; before opset 21 GroupNormalization had those of groups.
    """
    data = shape_of(node.inputs[0], graph)
    single = node.op == "InstanceNormalization"
    if len(data) < 2:
        raise Inexpressible(f"{len(data)} dimensions; the second one is that of channels")
    groups = data[1] if single else node.attributes.get("num_groups", 0)
    if groups < 1 or data[1] % groups:
        raise Inexpressible(f"{data[1]} channels in {groups} groups")
    each = groups if not single and graph.opset < 21 else data[1]
    channels = data[1] // groups
    sizes = {"m": data[0], "g": groups, "c": channels, "n": prod(data[2:])}
    inner = "c,n" if channels > 1 else "n"
    if channels == 1:
        del sizes["c"]
    own = "g,c" if channels > 1 and each != groups else "g"
    x, mean, share = f"x[m,g,{inner}]", "mean[m,g]", f"(1/({inner.replace(',', '*')}))"
    epsilon = number(node.attributes.get("epsilon", 1e-5)).text
    statements = [
        f"{mean} += {x}",
        f"{mean} = {mean} * {share}",
        f"variance[m,g] += ({x} - {mean}) * ({x} - {mean})",
        f"scale[m,g] = 1 / sqrt(variance[m,g] * {share} + {epsilon})",
        f"y[m,g,{inner}] = ({x} - {mean}) * scale[m,g] * gamma[{own}] + beta[{own}]",
    ]
    tensors = {"x": f"m,g,{inner}", "gamma": own, "beta": own}
    tensors |= {"mean": "m,g", "variance": "m,g", "scale": "m,g", "y": f"m,g,{inner}"}
    parameters = _parameters(node, graph, ("gamma", "beta"), (each,))
    spec = _spec(sizes, tensors, ("mean", "variance", "scale"), parameters, statements)
    loops = ("g", "c") if channels > 1 else ("g",)
    axes: Axes = ((("m",), (0,)), (loops, (1,)), (("n",), tuple(range(2, len(data)))))
    return Start("instance_norm" if single else "group_norm", sizes, "y", axes, spec=spec)


def root_mean_square_norm(node: GraphNode, graph: Graph) -> Start:
    """RMSNormalization over the axes from `axis` on."""
    data = shape_of(node.inputs[0], graph)
    first = last_axes(node, len(data))
    sizes = {"m": prod(data[:first]), "n": prod(data[first:])}
    epsilon = number(node.attributes.get("epsilon", 1e-5)).text
    statements = [
        "squares[m] += x[m,n] * x[m,n]",
        f"scale[m] = 1 / sqrt(squares[m] * (1/n) + {epsilon})",
        "y[m,n] = x[m,n] * scale[m] * gamma[n]",
    ]
    tensors = {"x": "m,n", "gamma": "n", "squares": "m", "scale": "m", "y": "m,n"}
    parameters = _parameters(node, graph, ("gamma",), data[first:])
    spec = _spec(sizes, tensors, ("squares", "scale"), parameters, statements)
    axes: Axes = ((("m",), tuple(range(first))), (("n",), tuple(range(first, len(data)))))
    return Start("rms_norm", sizes, "y", axes, spec=spec)


def local_norm(node: GraphNode, graph: Graph) -> Start:
    """LRN: by the squares of `size` neighbouring channels, one more behind than before if even."""
    data = shape_of(node.inputs[0], graph)
    size = node.attributes.get("size", 0)
    if size < 1 or len(data) < 2:
        raise Inexpressible(f"a size of {size} for {len(data)} dimensions")
    sizes = {"n": data[0], "c": data[1], "p": prod(data[2:]), "k": size}
    near, squares = f"x[n,c+k-{(size - 1) // 2},p]", "squares[n,c,p]"
    share = number(node.attributes.get("alpha", 1e-4) / size)
    bias = number(node.attributes.get("bias", 1.0))
    raised = power(Term(squares), number(node.attributes.get("beta", 0.75)))
    statements = [
        f"{squares} += {near} * {near}",
        f"{squares} = {share.at(ATOM)} * {squares} + {bias.at(ATOM)}",
        f"y[n,c,p] = x[n,c,p] / {raised.at(ATOM)}",
    ]
    tensors = dict.fromkeys(("x", "squares", "y"), "n,c,p")
    spec = {**_spec(sizes, tensors, ("squares",), (), statements), "outside": {"x": 0}}
    axes: Axes = ((("n",), (0,)), (("c",), (1,)), (("p",), tuple(range(2, len(data)))))
    return Start("lrn", sizes, "y", axes, spec=spec)


def _parameters(
    node: GraphNode, graph: Graph, names: Sequence[str], shape: tuple[int, ...]
) -> list[str]:
    """Those known ahead of time. Raises Inexpressible where one has another shape."""
    found = []
    for name, given in zip(names, (node.input(1), node.input(2)), strict=False):
        if shape_of(given, graph) != shape:
            raise Inexpressible(f"'{given}' of {shape_of(given, graph)} for {shape}")
        found += [name] if given in graph.constants else []
    return found


def _spec(
    sizes: Mapping[str, int],
    tensors: Mapping[str, str],
    temporary: Sequence[str],
    constant: Sequence[str],
    statements: Sequence[str],
) -> dict[str, Any]:
    """A primitive's file; its tensors by their loops."""
    return {
        "sizes": dict(sizes),
        "tensors": {name: loops.split(",") for name, loops in tensors.items()},
        "constant": list(constant),
        "temporary": list(temporary),
        "plain": ["x", "y"],
        "statements": list(statements),
    }
