"""What an element-wise node reads: tensors with the word that names each, or numbers."""

from __future__ import annotations

from dataclasses import dataclass

from harness.onnx.endings import order_behind
from harness.onnx.expressions import ELEMENTWISE, Inexpressible, Term, bound, number
from harness.onnx.graph import Graph, GraphNode, Shape
from harness.onnx.readings import reading_of
from harness.onnx.start import Axes, shape_of

FLOAT = "FLOAT"
PASSED_ON = ("Identity", "Dropout")  # what they read, under another name


@dataclass(frozen=True)
class Operand:
    """A tensor; `word` is what it is called where a statement reads it."""

    name: str
    shape: Shape
    constant: bool
    word: str


Read = Operand | Term | None  # None: nothing is given there


def is_elementwise(node: GraphNode) -> bool:
    return node.op in ELEMENTWISE or node.op == "Clip"


def reads_of(node: GraphNode, graph: Graph) -> tuple[Read, ...]:
    """Operands in order. Raises Inexpressible."""
    if node.op == "BatchNormalization":
        return _of_batch_norm(node, graph)
    if node.op == "Clip":
        return _of_clip(node, graph)
    reads = tuple(
        _read(name, node, graph, place) if name else None for place, name in enumerate(node.inputs)
    )
    if None in reads or not reads:
        raise Inexpressible("an operand is missing")
    if node.op == "Pow" and not isinstance(reads[1], Term):
        raise Inexpressible("its exponent is not known")
    return reads


def _read(name: str, node: GraphNode, graph: Graph, place: int = 0) -> Operand | Term:
    if graph.types.get(name, FLOAT) != FLOAT and graph.number(name) is None:
        raise Inexpressible(f"'{name}' has elements {graph.types[name]}; primitives have f32")
    value = graph.number(name)
    if value is not None:
        return number(value)
    constant = name in graph.constants
    return Operand(name, _placed(name, place, node, graph), constant, _word(node.op, constant))


def _placed(name: str, place: int, node: GraphNode, graph: Graph) -> Shape:
    """An operand's shape. Before opset 7 the second one began at an `axis` of the first."""
    shape = shape_of(name, graph)
    if graph.opset >= 7 or place != 1:
        return shape
    axis = 1 if node.op == "PRelu" else node.attributes.get("axis")
    if axis is None:
        return shape
    rank = len(shape_of(node.inputs[0], graph))
    return (*shape, *(1,) * (rank - axis % max(rank, 1) - len(shape)))


def _word(op: str, constant: bool) -> str:
    if op in ("Add", "Sum"):
        return "bias" if constant else "residual"
    if op == "Mul":
        return "scale" if constant else "gate"
    return "other"


def _of_clip(node: GraphNode, graph: Graph) -> tuple[Read, ...]:
    """The data, and the bounds: attributes before opset 11, inputs since then."""
    found: list[Read] = [_read(node.inputs[0], node, graph)]
    for place, key in ((1, "min"), (2, "max")):
        name = node.input(place)
        value = graph.number(name) if name else node.attributes.get(key)
        if value is not None:
            found.append(bound(value))
        else:
            found.append(_read(name, node, graph) if name else None)
    return tuple(found)


def _of_batch_norm(node: GraphNode, graph: Graph) -> tuple[Read, ...]:
    data, *parameters = node.inputs[:5]
    if len(node.inputs) < 5 or not graph.constants.issuperset(parameters):
        raise Inexpressible("scale, shift, mean and variance must be constants")
    if node.attributes.get("training_mode", 0) or node.has_output(1):
        raise Inexpressible("it is in training mode")
    shape = shape_of(data, graph)
    own = shape[1:2] or shape
    for name in parameters:
        if shape_of(name, graph) != own:
            raise Inexpressible(f"'{name}' of {shape_of(name, graph)} for channels {own}")
    channels = (*own, *(1 for _ in shape[2:]))
    scale, shift = (
        Operand(f"{node.outputs[0]}/{word}", channels, True, word) for word in ("scale", "shift")
    )
    return (_read(data, node, graph), scale, shift)


def turned_loops(
    operand: Operand, graph: Graph, result: Shape, axes: Axes
) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Loops of an operand of the result's own shape that is read through Transposes, as they lie in
    memory, and the places of the Transposes; nothing of any other one."""
    if operand.constant:
        return (), ()
    read = reading_of(operand.name, graph)
    if not read.through or not read.dims == operand.shape == result:
        return (), ()
    order = sorted(range(len(result)), key=lambda axis: -read.steps[axis])
    loops = order_behind(order, result, axes)
    return (loops, read.through) if loops else ((), ())


def loops_of(shape: Shape, result: Shape, axes: Axes) -> tuple[str, ...] | None:
    """The loops that an operand has beside a result of these axes; None where it has other ones.

    Each loop's axes must be there wholly, or broadcast wholly. What has the result's own shape has
    its loops of length 1 too.
    """
    if shape == result:
        return tuple(loop for loops, several in axes if several for loop in loops)
    extra = len(shape) - len(result)
    if extra > 0 and any(dim != 1 for dim in shape[:extra]):
        return None
    own = shape[extra:] if extra > 0 else (1,) * -extra + shape
    found: list[str] = []
    for loops, several in axes:
        dims = [own[axis] for axis in several]
        if all(dim == 1 for dim in dims):
            continue
        if dims != [result[axis] for axis in several]:
            return None
        found += loops
    return tuple(found)
