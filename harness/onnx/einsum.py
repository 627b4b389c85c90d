"""Einsum is index notation already: letters are loops.

bqhd,bkhd->bhqk      out[b,h,q,k] += left[b,q,h,d] * right[b,k,h,d]
"""

from __future__ import annotations

import re
from collections import Counter

from harness.onnx.expressions import Inexpressible
from harness.onnx.graph import Graph, GraphNode
from harness.onnx.start import Axes, Start, shape_of

_EQUATION = re.compile(r"[A-Za-z]*(,[A-Za-z]*)*(->[A-Za-z]*)?")


def einsum(node: GraphNode, graph: Graph) -> Start:
    """Of one tensor or two; without `...`, and without diagonals."""
    equation = node.attributes.get("equation", "").replace(" ", "")
    if not _EQUATION.fullmatch(equation):
        raise Inexpressible(f"the equation {equation}; letters, commas and -> are read")
    of_inputs, arrow, result = equation.partition("->")
    terms = of_inputs.split(",")
    often = Counter("".join(terms))
    if not arrow:
        result = "".join(sorted(letter for letter, count in often.items() if count == 1))
    if len(terms) != len(node.inputs) or len(terms) > 2:
        raise Inexpressible(f"the equation {equation} of {len(node.inputs)} tensors")
    if any(len(set(term)) < len(term) for term in (*terms, result)) or not {*result} <= {*often}:
        raise Inexpressible(f"the equation {equation}; a letter may stand once in a tensor")
    names = ("left", "right")[: len(terms)]
    sizes: dict[str, int] = {}
    for term, given in zip(terms, node.inputs, strict=True):
        shape = shape_of(given, graph)
        if len(term) != len(shape) or any(
            sizes.setdefault(letter, size) != size
            for letter, size in zip(term, shape, strict=False)
        ):
            raise Inexpressible(f"'{given}' of {shape} for {term} in {equation}")
    if not all((*terms, result)):
        raise Inexpressible(f"the equation {equation}; a tensor without dimensions")
    read = " * ".join(f"{name}[{','.join(term)}]" for name, term in zip(names, terms, strict=True))
    sign = "+=" if {*often} > {*result} else "="
    known = [
        name for name, given in zip(names, node.inputs, strict=True) if given in graph.constants
    ]
    spec = {
        "sizes": sizes,
        "tensors": {
            **{name: list(term) for name, term in zip(names, terms, strict=True)},
            "out": list(result),
        },
        "constant": known,
        "plain": [*names, "out"],
        "statements": [f"out[{','.join(result)}] {sign} {read}"],
    }
    axes: Axes = tuple(((letter,), (axis,)) for axis, letter in enumerate(result))
    return Start("einsum", sizes, "out", axes, spec=spec)
