"""A network as values: nodes, and what is known of the tensors between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

ONNX = "ai.onnx"  # the domain of ONNX's own operators
VIEWS = ("Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze")  # of the same memory

Shape = tuple[int, ...]


@dataclass(frozen=True)
class GraphNode:
    """`inside` counts the nodes of its subgraphs, which read what is `captured` besides its inputs.

    An input that is left out is an empty text.
    """

    name: str
    op: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    inside: int = 0
    captured: tuple[str, ...] = ()

    def input(self, place: int) -> str:
        """The tensor at a place; empty where there is none."""
        return self.inputs[place] if place < len(self.inputs) else ""

    def has_output(self, place: int) -> bool:
        return place < len(self.outputs) and bool(self.outputs[place])

    def perm(self, rank: int) -> tuple[int, ...]:
        """A Transpose of so many dimensions; backwards where it says nothing."""
        return tuple(self.attributes.get("perm", range(rank)[::-1]))


@dataclass(frozen=True)
class Graph:
    """Nodes in an order in which they can run.

    `shapes` has the tensors whose shape is known, `types` ONNX's names of element types, `values`
    the elements of small constants.
    """

    nodes: tuple[GraphNode, ...]
    opset: int
    shapes: Mapping[str, Shape]
    types: Mapping[str, str]
    constants: frozenset[str]
    values: Mapping[str, tuple[float, ...]]
    outputs: tuple[str, ...]

    @cached_property
    def uses(self) -> Counter[str]:
        """How often each tensor is read; an output of the network once more."""
        read = (name for node in self.nodes for name in (*node.inputs, *node.captured) if name)
        return Counter(read) + Counter(self.outputs)

    @cached_property
    def readers(self) -> Mapping[str, tuple[int, ...]]:
        """The places of the nodes that read a tensor."""
        found: dict[str, list[int]] = {}
        for place, node in enumerate(self.nodes):
            for name in dict.fromkeys((*node.inputs, *node.captured)):
                found.setdefault(name, []).append(place)
        return {name: tuple(places) for name, places in found.items()}

    @cached_property
    def written_by(self) -> Mapping[str, int]:
        """The place of the node that writes a tensor."""
        nodes = enumerate(self.nodes)
        return {name: place for place, node in nodes for name in node.outputs if name}

    def number(self, name: str) -> float | None:
        """The value of a constant of one element, where it is known."""
        held = self.values.get(name, ())
        return held[0] if len(held) == 1 else None

    def integers(self, name: str) -> tuple[int, ...] | None:
        """The elements of a small constant, where they are known and whole."""
        held = self.values.get(name)
        if held is None or not all(float(value).is_integer() for value in held):
            return None
        return tuple(map(int, held))


def graph_from(document: Mapping[str, Any]) -> Graph:
    """The graph of what the worker prints, with constants followed through the nodes."""
    nodes = tuple(
        GraphNode(
            name=one["name"],
            op=one["op"],
            domain=one["domain"],
            inputs=tuple(one["inputs"]),
            outputs=tuple(one["outputs"]),
            attributes=one["attributes"],
            inside=one["inside"],
            captured=tuple(one["captured"]),
        )
        for one in document["nodes"]
    )
    constants = set(document["constants"])
    for node in nodes:
        known = node.op in ("Shape", "Size") or constants.issuperset(filter(None, node.inputs))
        if known and not node.inside and node.domain == ONNX and node.op not in _DRAWN:
            constants.update(filter(None, node.outputs))
    return Graph(
        nodes=nodes,
        opset=document["opset"],
        shapes={name: tuple(shape) for name, shape in document["shapes"].items()},
        types=document["types"],
        constants=frozenset(constants),
        values={name: tuple(held) for name, held in document["values"].items()},
        outputs=tuple(document["outputs"]),
    )


# Their values differ from run to run, though they have no inputs that do.
_DRAWN = (
    "RandomNormal",
    "RandomUniform",
    "RandomNormalLike",
    "RandomUniformLike",
    "Multinomial",
    "Bernoulli",
)
