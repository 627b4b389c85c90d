"""Nodes that primitives of conf/primitive/ compute: which one, with which sizes.

A convolution, a matrix product, a pool, a softmax or a layer normalisation begins a problem; what
follows it element by element is added to the same one (`harness.onnx.statements`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

from harness.benchdnn.entries import primitive_of
from harness.benchdnn.problem import LETTERS, Convolution, Product, Window
from harness.errors import SettingsError
from harness.onnx.expressions import Inexpressible, number
from harness.onnx.graph import Graph, GraphNode, Shape

Axes = tuple[tuple[tuple[str, ...], tuple[int, ...]], ...]


@dataclass(frozen=True)
class Addend:
    """A tensor that the node itself adds to its result: a convolution's bias, C of a Gemm."""

    name: str
    shape: Shape
    factor: float = 1.0


@dataclass(frozen=True)
class Start:
    """A primitive with sizes, and how its result stands for the node's.

    `axes` pairs loops of the tensor `output` with axes of the node's result, in order: several
    loops may share an axis (groups and channels), several axes a loop (rows of a batch).
    `changes` replace keys of the primitive's file, `words` then tell it from the file's own.
    """

    primitive: str
    sizes: Mapping[str, int]
    output: str
    axes: Axes
    changes: Mapping[str, Any] = field(default_factory=dict)
    rewritten: Mapping[str, str] = field(default_factory=dict)  # parts of statements
    words: tuple[str, ...] = ()
    factor: float = 1.0  # of the result, before anything is added
    addend: Addend | None = None


def start_of(node: GraphNode, graph: Graph) -> Start:
    """The primitive that computes a node. Raises Inexpressible."""
    try:
        return STARTS[node.op](node, graph)
    except SettingsError as error:
        raise Inexpressible(str(error)) from error


def shape_of(name: str, graph: Graph) -> Shape:
    """Raises Inexpressible where it is not known or holds nothing."""
    shape = graph.shapes.get(name)
    if shape is None:
        raise Inexpressible(f"the shape of '{name}' is not known")
    if 0 in shape:
        raise Inexpressible(f"'{name}' holds no element")
    return shape


def _convolution(node: GraphNode, graph: Graph) -> Start:
    data, weight, out = (shape_of(n, graph) for n in (*node.inputs[:2], node.outputs[0]))
    groups = node.attributes.get("group", 1)
    if data[1] != weight[1] * groups or weight[0] % groups:
        raise Inexpressible(f"{data[1]} channels for weights of {groups} x {weight[1]}")
    if (told := tuple(node.attributes.get("kernel_shape", weight[2:]))) != weight[2:]:
        raise Inexpressible(f"a kernel_shape of {told} for weights of {weight}")
    windows = _windows(node, data[2:], out[2:], weight[2:])
    problem = Convolution("", groups, data[0], data[1], weight[0], windows)
    primitive, sizes = primitive_of(problem)
    channels = {"g": ("g", "oc"), "d": ("c",)}.get(primitive[0], ("oc",))
    rows = [f"o{letter}" for letter in LETTERS[-len(windows) :]]
    axes = _paired([("n",), channels, *((row,) for row in rows)])
    bias = node.input(2)
    if bias and shape_of(bias, graph) != weight[:1]:
        raise Inexpressible(f"a bias of {shape_of(bias, graph)} for {weight[0]} channels")
    return Start(
        primitive,
        sizes,
        "out",
        axes,
        changes={} if node.inputs[1] in graph.constants else {"constant": []},
        words=() if node.inputs[1] in graph.constants else ("variable",),
        addend=Addend(bias, (weight[0], *(1 for _ in rows))) if bias else None,
    )


def _paired(loops: list[tuple[str, ...]]) -> Axes:
    return tuple((several, (axis,)) for axis, several in enumerate(loops))


def _windows(node: GraphNode, data: Shape, out: Shape, kernel: Shape) -> tuple[Window, ...]:
    """One for each spatial dimension; padding in front as the file, or `auto_pad`, has it."""
    rank = len(data)
    if not 1 <= rank <= 3 or not len(out) == len(kernel) == rank:
        raise Inexpressible(f"{rank} spatial dimensions; primitives have one to three")
    strides, dilations = (node.attributes.get(k, [1] * rank) for k in ("strides", "dilations"))
    pads, auto = node.attributes.get("pads", [0] * 2 * rank), node.attributes.get("auto_pad", "")
    if len(strides) != rank or len(dilations) != rank or len(pads) != 2 * rank:
        raise Inexpressible("strides, dilations or pads are of another rank")
    if min(*strides, *dilations) < 1 or min(pads) < 0:
        raise Inexpressible(f"strides {strides}, dilations {dilations}, pads {pads}")
    found = []
    for axis in range(rank):
        reach = (kernel[axis] - 1) * dilations[axis] + 1
        total = max((out[axis] - 1) * strides[axis] + reach - data[axis], 0)
        before = {
            "SAME_UPPER": total // 2,
            "SAME_LOWER": total - total // 2,
            "VALID": 0,
        }.get(auto, pads[axis])
        window = Window(
            data[axis], out[axis], kernel[axis], strides[axis], before, dilations[axis] - 1
        )
        found.append(window)
    return tuple(found)


def _pool(node: GraphNode, graph: Graph) -> Start:
    data, out = (shape_of(n, graph) for n in (node.inputs[0], node.outputs[0]))
    if node.has_output(1):
        raise Inexpressible("the places of the largest are asked for")
    windows = _windows(node, data[2:], out[2:], tuple(node.attributes.get("kernel_shape", ())))
    if any(map(_has_empty, windows)):  # ceil_mode adds some, which runtimes then leave away
        raise Inexpressible("a window that has nothing of the image")
    primitive = "max_pool2d" if node.op == "MaxPool" else _average(node, windows)
    return _pooled(primitive, data, windows)


def _has_empty(window: Window) -> bool:
    """Whether one of its places has no tap inside."""
    taps = [tap * (window.dilation + 1) - window.before for tap in range(window.kernel)]
    starts = range(0, window.output * window.stride, window.stride)
    return not all(any(0 <= start + tap < window.input for tap in taps) for start in starts)


def _average(node: GraphNode, windows: tuple[Window, ...]) -> str:
    """By what padding counts, where there is any."""
    rank = len(windows)
    given = node.attributes.get("pads", [0] * 2 * rank)[rank:]
    if all(window.before == 0 and window.after <= 0 for window in windows):
        return "avg_pool2d"
    if not node.attributes.get("count_include_pad", 0):
        return "avg_pool2d_exclude_padding"
    if node.attributes.get("auto_pad", "").startswith("SAME"):
        return "avg_pool2d"
    if any(window.after > pad for window, pad in zip(windows, given, strict=True)):
        raise Inexpressible("padding counts, but not where ceil_mode adds a window")
    return "avg_pool2d"


def _pooled(primitive: str, data: Shape, windows: tuple[Window, ...]) -> Start:
    """Of two dimensions; of one as rows in images of height one."""
    if len(windows) > 2:
        raise Inexpressible("a pool of three dimensions; primitives have two")
    rows = ("oh", "ow")[-len(windows) :]
    if len(windows) == 1:
        windows = (Window(1, 1, 1, 1, 0, 0), *windows)
    channels = data[1]
    _, sizes = primitive_of(Convolution("", 1, data[0], channels, channels, windows))
    sizes = {"c": channels, **{k: v for k, v in sizes.items() if k not in ("ic", "oc")}}
    return Start(primitive, sizes, "out", _paired([("n",), ("c",), *((row,) for row in rows)]))


def _global_pool(node: GraphNode, graph: Graph) -> Start:
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


def _mean(node: GraphNode, graph: Graph) -> Start:
    """ReduceMean over the last axes."""
    data, out = (shape_of(n, graph) for n in (node.inputs[0], node.outputs[0]))
    rank = len(data)
    given = node.attributes.get("axes") or graph.values.get(node.input(1), ())
    over = sorted({int(axis) % rank for axis in given}) if given else list(range(rank))
    if not given and (node.input(1) or node.attributes.get("noop_with_empty_axes", 0)):
        raise Inexpressible("its axes are not known")
    first = rank - len(over)
    if over != list(range(first, rank)) or first == 0:
        raise Inexpressible(f"a mean over axes {over} of {rank}; primitives have it over the last")
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
    gone: Axes = (((), tuple(range(first, len(out)))),) if len(out) == rank else ()
    return Start("global_avg_pool2d", sizes, "out", (*kept, *gone))


def _matmul(node: GraphNode, graph: Graph) -> Start:
    a, b = (shape_of(name, graph) for name in node.inputs[:2])
    row, column = len(a) == 1, len(b) == 1
    a, b = (1, *a) if row else a, (*b, 1) if column else b
    rank = max(len(a), len(b))
    a, b = ((1,) * (rank - len(one)) + one for one in (a, b))
    primitive, sizes = primitive_of(Product("", a, b, ("", "", "")))
    lead = tuple(range(rank - 2))
    if primitive == "matmul":
        rows = lead if row else (*lead, rank - 2)
        axes: Axes = ((("m",), rows),)
    else:
        axes = ((("batch",), lead), (("m",), () if row else (rank - 2,)))
    last = rank - 1 - row
    axes = (*axes, (("n",), () if column else (last,)))
    return _product(primitive, sizes, axes, node, graph, {})


def _gemm(node: GraphNode, graph: Graph) -> Start:
    a, b = (shape_of(name, graph) for name in node.inputs[:2])
    flipped = {t: node.attributes.get(f"trans{t.upper()}", 0) for t in "ab"}
    a = a[::-1] if flipped["a"] else a
    b = b[::-1] if flipped["b"] else b
    if len(a) != 2 or len(b) != 2 or a[1] != b[0]:
        raise Inexpressible(f"matrices of {a} and {b}")
    sizes = {"m": a[0], "n": b[1], "k": a[1]}
    stored = {t: [1, 0] if flipped[t] else [0, 1] for t in "ab"}
    axes: Axes = ((("m",), (0,)), (("n",), (1,)))
    added = node.input(2)
    beta = node.attributes.get("beta", 1.0)
    return _product(
        "matmul",
        sizes,
        axes,
        node,
        graph,
        {"stored": stored} if any(flipped.values()) else {},
        words=tuple(f"{t}t" for t in "ab" if flipped[t]),
        factor=node.attributes.get("alpha", 1.0),
        addend=Addend(added, shape_of(added, graph), beta) if added and beta else None,
    )


def _product(
    primitive: str,
    sizes: Mapping[str, int],
    axes: Axes,
    node: GraphNode,
    graph: Graph,
    changes: Mapping[str, Any],
    words: tuple[str, ...] = (),
    factor: float = 1.0,
    addend: Addend | None = None,
) -> Start:
    """Which factor is known ahead of time stands in `constant`: b in matmul's file, else none."""
    constant = [t for t, name in zip("ab", node.inputs, strict=False) if name in graph.constants]
    usual = ["b"] if primitive == "matmul" else []
    if constant != usual:
        changes = {**changes, "constant": constant}
        words = (*words, *([f"constant_{'_'.join(constant)}"] if constant else ["variable"]))
    return Start(primitive, sizes, "c", axes, changes, {}, words, factor, addend)


def _softmax(node: GraphNode, graph: Graph) -> Start:
    """Before opset 13 over all axes from `axis` on, since then along that one."""
    data = shape_of(node.inputs[0], graph)
    rank = len(data)
    axis = node.attributes.get("axis", -1 if graph.opset >= 13 else 1)
    first = axis + rank if axis < 0 else axis
    if not 0 <= first < rank + (graph.opset < 13):
        raise Inexpressible(f"a softmax along axis {axis} of {rank}")
    if graph.opset >= 13 and prod(data[first + 1 :]) != 1:
        raise Inexpressible(f"a softmax along axis {first} of {rank}; primitives have the last")
    return Start("softmax", *_rows(data, first))


def _rows(data: Shape, first: int) -> tuple[Mapping[str, int], str, Axes]:
    """Sizes, output and axes of a row-major primitive along the axes from `first` on."""
    sizes = {"m": prod(data[:first]), "n": prod(data[first:])}
    axes = ((("m",), tuple(range(first))), (("n",), tuple(range(first, len(data)))))
    return sizes, "y", axes


def _layer_norm(node: GraphNode, graph: Graph) -> Start:
    data = shape_of(node.inputs[0], graph)
    if node.has_output(1) or node.has_output(2):
        raise Inexpressible("mean or deviation is asked for")
    rank = len(data)
    first = node.attributes.get("axis", -1) % rank if rank else 0
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


STARTS: Mapping[str, Callable[[GraphNode, Graph], Start]] = {
    "AveragePool": _pool,
    "Conv": _convolution,
    "Gemm": _gemm,
    "GlobalAveragePool": _global_pool,
    "GlobalMaxPool": _global_pool,
    "LayerNormalization": _layer_norm,
    "MatMul": _matmul,
    "MaxPool": _pool,
    "ReduceMean": _mean,
    "Softmax": _softmax,
}
