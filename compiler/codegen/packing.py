"""Copies of an operand into a workspace whose borders are filled, so that no read leaves it."""

from __future__ import annotations

from compiler.codegen.scalar_expression import number_text
from compiler.lower.operands import Packed


def packing(copy: Packed, shared: bool = False) -> str:
    """C function `pack_TENSOR(source, target)` that copies and fills the borders.

    With `shared`, threads share its outermost loop.
    """
    shape, c = copy.target.shape, copy.target.dtype.c
    names = {f"i{d}": f"i{d}" for d in range(len(shape))}
    source, to = copy.addresses()
    lines = [
        f"static void pack_{copy.tensor}(const {c} *restrict from, {c} *restrict to)",
        "{",
    ]
    inside, indent = [], "  "
    outermost = next((d for d in copy.target.order if shape[d] > 1), None)
    for d in copy.target.order:
        if shared and d == outermost:
            lines.append(f"{indent}#pragma omp parallel for")
        lines.append(f"{indent}for (long i{d} = 0; i{d} < {shape[d]}; ++i{d}) {{")
        indent += "  "
        if copy.shift[d] or shape[d] > copy.source.shape[d] + copy.shift[d]:
            low, high = copy.shift[d], copy.shift[d] + copy.source.shape[d]
            inside.append(f"i{d} >= {low} && i{d} < {high}")
    read = f"from[{source.base(names, {})}]"
    if inside:
        read = f"({' && '.join(inside)}) ? {read} : {number_text(copy.outside, copy.target.dtype)}"
    write = f"to[{to.base(names, {})}]"
    lines.append(f"{indent}{write} = {read};")
    lines += ["  " * d + "}" for d in range(len(shape), 0, -1)]
    return "\n".join([*lines, "}"]) + "\n"
