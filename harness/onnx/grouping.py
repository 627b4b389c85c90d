"""Which nodes make one problem: a start, and what can follow it element by element.

A node joins while all that reads a value in between lies in the group: one tensor leaves it.

    MatMul -> Add -> { Div -> Erf -> Add -> Mul, Mul } -> Mul       a product with bias and GELU
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from harness.onnx.endings import order_behind, transpose_behind
from harness.onnx.expressions import Inexpressible
from harness.onnx.graph import ONNX, VIEWS, Graph, GraphNode, Shape
from harness.onnx.layer_norm import layer_norm_at
from harness.onnx.operands import (
    FLOAT,
    PASSED_ON,
    Operand,
    is_elementwise,
    loops_of,
    reads_of,
    turned_loops,
)
from harness.onnx.start import Axes, Start, loop_names, shape_of
from harness.onnx.starts import CONTRACTIONS, STARTS, start_of

LONGEST = 24  # nodes of a group, of which statements are made
NO_ARITHMETIC = "it moves elements and computes nothing"


@dataclass(frozen=True)
class Group:
    """Nodes of one problem in order; the first ones are what `start` computes, if there is one.

    Where the last one is a Transpose, `order` has the result's loops as they lie in memory.
    """

    start: Start | None
    begun: int  # how many nodes the start stands for
    nodes: tuple[GraphNode, ...]
    shape: Shape  # of the result
    axes: Axes
    order: tuple[str, ...] | None = None

    @property
    def followers(self) -> tuple[GraphNode, ...]:
        return self.nodes[self.begun : len(self.nodes) - (self.order is not None)]

    @property
    def result(self) -> str:
        """The tensor that is computed."""
        return self.nodes[-1 if self.order is None else -2].outputs[0]


@dataclass(frozen=True)
class LeftOut:
    """A node that is in no problem, and why."""

    node: GraphNode
    reason: str


@dataclass(frozen=True)
class Grouping:
    """Every node once: in a group, among those that compute nothing, or left out."""

    groups: tuple[Group, ...]
    nothing: tuple[GraphNode, ...]
    left_out: tuple[LeftOut, ...]


Begun = tuple[Group, list[int]]  # with the places of its nodes

_MOVES = (
    "CenterCropPad",
    "Compress",
    "Concat",
    "DepthToSpace",
    "Expand",
    "Gather",
    "GatherElements",
    "GatherND",
    "Pad",
    "ReverseSequence",
    "Slice",
    "SpaceToDepth",
    "Split",
    "Tile",
    "Transpose",
    "Trilu",
)


def grouped(graph: Graph) -> Grouping:
    """The nodes of a network, in their order, each in the first group that takes it.

    Contractions begin first and take what follows them, the last one first: where two meet in a
    sum, it adds the other's result. Then pools and rows, then what is left, element by element.
    """
    taken: dict[int, Group | None] = {}
    refused: dict[int, str] = {}
    groups: list[Begun] = []
    for place, node in enumerate(graph.nodes):
        if _computes_nothing(node, graph):
            taken[place] = None
    places = range(len(graph.nodes))
    starts = sorted(places, key=lambda place: (graph.nodes[place].op not in CONTRACTIONS, -place))
    for wanted, order in ((_layer_norm, places), (_starting, starts), (_chained, places)):
        for place in order:
            node = graph.nodes[place]
            if place in taken:
                continue
            try:
                begun = wanted(place, node, graph)
            except Inexpressible as error:
                refused[place] = str(error)
                continue
            if begun is None or any(one in taken for one in begun[1]):
                continue
            group, own = _grown(*begun, graph, taken)
            groups.append((group, own))
            taken |= dict.fromkeys(own, group)
    groups = [_turned(*one, graph, taken) for one in groups]  # where no product reads through it
    taken |= {place: group for group, own in groups for place in own}
    left_out = [
        LeftOut(node, refused.get(place) or _reason(node))
        for place, node in enumerate(graph.nodes)
        if place not in taken
    ]
    nothing = [graph.nodes[place] for place, group in taken.items() if group is None]
    ordered = sorted(groups, key=lambda one: one[1][0])
    return Grouping(tuple(group for group, _ in ordered), tuple(nothing), tuple(left_out))


def _computes_nothing(node: GraphNode, graph: Graph) -> bool:
    """Views of memory, and what is known ahead of time."""
    if node.domain != ONNX or node.inside:
        return False
    if node.op == "Dropout" and _drops(node, graph):
        return False
    known = bool(node.outputs) and graph.constants.issuperset(filter(None, node.outputs))
    return known or node.op in (*VIEWS, "Dropout")


def _drops(node: GraphNode, graph: Graph) -> bool:
    """Whether it is asked to leave elements out, or which ones it would."""
    training = node.input(2)
    asked = bool(training) and graph.number(training) != 0
    return asked or (node.has_output(1) and graph.uses[node.outputs[1]] > 0)


def _reason(node: GraphNode) -> str:
    if node.domain != ONNX:
        return f"operators of the domain {node.domain} are not known"
    if node.inside:
        return f"control flow, with {node.inside} nodes inside"
    if node.op == "Dropout":
        return "it leaves elements out, or tells which"
    if node.op in _MOVES:
        return NO_ARITHMETIC
    return "no primitive computes it"


def _layer_norm(place: int, node: GraphNode, graph: Graph) -> Begun | None:
    several = layer_norm_at(place, graph) if node.domain == ONNX else None
    return several and _begun(*several, graph)


def _starting(place: int, node: GraphNode, graph: Graph) -> Begun | None:
    if node.domain != ONNX or node.op not in STARTS:
        return None
    start = start_of(node, graph)
    return _begun(start, [*sorted(start.through), place], graph)


def _begun(start: Start, places: list[int], graph: Graph) -> Begun:
    nodes = tuple(graph.nodes[place] for place in places)
    result = nodes[-1].outputs[0]
    for name in (nodes[0].inputs[0], result):
        _check_type(name, graph)
    group = Group(start, len(places), nodes, shape_of(result, graph), start.axes)
    if start.addend is not None:
        _check_shape(start.addend.name, start.addend.shape, group)
    return group, places


def _check_type(name: str, graph: Graph) -> None:
    kind = graph.types.get(name, FLOAT)
    if kind != FLOAT:
        raise Inexpressible(f"elements {kind}; primitives have f32")


def _chained(place: int, node: GraphNode, graph: Graph) -> Begun | None:
    if node.domain != ONNX or not is_elementwise(node):
        return None
    _check_type(node.outputs[0], graph)
    shape = shape_of(node.outputs[0], graph) or (1,)
    axes: Axes = tuple(((name,), (axis,)) for axis, name in enumerate(loop_names(len(shape))))
    group = Group(None, 0, (node,), shape, axes)
    _check_fits(node, group, frozenset(), graph)
    places = [*_turning(node, group, frozenset(), graph), place]
    return replace(group, nodes=tuple(graph.nodes[one] for one in places)), places


def _turning(node: GraphNode, group: Group, inner: frozenset[str], graph: Graph) -> list[int]:
    """The places of the Transposes that a node reads its operands through."""
    several = [r for r in reads_of(node, graph) if isinstance(r, Operand) and r.name not in inner]
    turned = [turned_loops(one, graph, group.shape, group.axes)[1] for one in several]
    return sorted(place for places in turned for place in places)


def _check_fits(node: GraphNode, group: Group, inner: frozenset[str], graph: Graph) -> None:
    """Raises Inexpressible where an operand has other loops than the group's result."""
    for read in reads_of(node, graph):
        if not isinstance(read, Operand) or read.name in inner:
            continue
        _check_shape(read.name, read.shape, group)


def _check_shape(name: str, shape: Shape, group: Group) -> None:
    if loops_of(shape, group.shape, group.axes) is None:
        raise Inexpressible(f"'{name}' of {shape} beside {group.shape}")


def _grown(group: Group, places: list[int], graph: Graph, taken: dict[int, Group | None]) -> Begun:
    """The group with all that follows it; it may go on wherever one value is left open."""
    while len(group.nodes) < LONGEST:
        more = _stretch(group, graph, taken)
        if more is None:
            return group, places
        places = [*places, *more]
        nodes = (*group.nodes, *(graph.nodes[place] for place in more))
        group = replace(group, nodes=nodes)
    return group, places


def _turned(group: Group, places: list[int], graph: Graph, taken: dict[int, Group | None]) -> Begun:
    """The group with the Transpose behind it that only says how the result lies in memory."""
    place = transpose_behind(group.result, graph)
    if place is None or place in taken:
        return group, places
    node = graph.nodes[place]
    order = order_behind(node.perm(len(group.shape)), group.shape, group.axes)
    if order is None:
        return group, places
    return replace(group, nodes=(*group.nodes, node), order=order), [*places, place]


def _stretch(group: Group, graph: Graph, taken: dict[int, Group | None]) -> list[int] | None:
    """The fewest further nodes after which one value alone is read outside; None for none."""
    open_values = {group.nodes[-1].outputs[0]}
    inner = set(open_values)
    added: list[int] = []
    while len(group.nodes) + len(added) < LONGEST:
        if any(name in graph.outputs for name in open_values):
            return None
        waiting = sorted(
            {
                place
                for name in open_values
                for place in graph.readers.get(name, ())
                if place not in added
            }
        )
        if not waiting:
            return None
        place = waiting[0]
        node = graph.nodes[place]
        if not _follows(node, place, group, frozenset(inner), graph, taken):
            return None
        if node.op not in PASSED_ON:
            added += _turning(node, group, frozenset(inner), graph)
        added.append(place)
        inner.add(node.outputs[0])
        open_values.add(node.outputs[0])
        open_values = {
            name
            for name in open_values
            if name in graph.outputs
            or any(p not in added for p in graph.readers.get(name, ()))
            or name == node.outputs[0]
        }
        if open_values == {node.outputs[0]}:
            return added
    return None


def _follows(
    node: GraphNode,
    place: int,
    group: Group,
    inner: frozenset[str],
    graph: Graph,
    taken: dict[int, Group | None],
) -> bool:
    passed_on = node.op in PASSED_ON and taken.get(place, group) is None
    if not passed_on and (place in taken or not is_elementwise(node)):
        return False
    if node.domain != ONNX:
        return False
    try:
        if shape_of(node.outputs[0], graph) != group.shape:
            return False
        _check_type(node.outputs[0], graph)
        if is_elementwise(node):
            _check_fits(node, group, inner, graph)
    except Inexpressible:
        return False
    return True
