"""What a problem begins with: a primitive with sizes, and how its result stands for a node's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.onnx.expressions import Inexpressible
from harness.onnx.graph import Graph, Shape

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
    The primitive's file is that of conf/primitive/, or `spec` where none there is like it.
    `changes` replace keys of the file, and single tensors, `words` then tell it from the file's
    own. `through` are the places of the nodes, Transpose and Pad, that it reads operands through.
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
    spec: Mapping[str, Any] | None = None
    through: tuple[int, ...] = ()


def loop_names(rank: int) -> list[str]:
    """Loops of a tensor, one for each dimension: n, c, h, w of four."""
    return list({1: "m", 2: "mn", 3: "bmn", 4: "nchw", 5: "ncdhw"}.get(rank, ())) or [
        f"d{axis}" for axis in range(rank)
    ]


def shape_of(name: str, graph: Graph) -> Shape:
    """Raises Inexpressible where it is not known or holds nothing."""
    shape = graph.shapes.get(name)
    if shape is None:
        raise Inexpressible(f"the shape of '{name}' is not known")
    if 0 in shape:
        raise Inexpressible(f"'{name}' holds no element")
    return shape
