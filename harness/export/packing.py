"""C functions that pack a row-major tensor into a kernel's layout, and unpack it."""

from __future__ import annotations

from math import prod

from compiler.codegen.kernel import Buffer
from compiler.schedule.layout import Layout


def packing_function(name: str, buffer: Buffer) -> str:
    """`void NAME(const float *from, float *to)`: zeros go where no element lies."""
    layout = buffer.layout
    assert layout is not None
    c = buffer.dtype.c
    zeros = [f"  for (long i = 0; i < {layout.elements}; ++i)", "    to[i] = 0;"]
    lines = zeros if layout.padded else []
    body = f"to[{_place(layout)}] = from[{_row_major(layout)}];"
    return _function(
        f"void {name}(const {c} *restrict from, {c} *restrict to)", lines, layout, body
    )


def unpacking_function(name: str, buffer: Buffer) -> str:
    """The way back: `to` gets the elements alone, row-major."""
    layout = buffer.layout
    assert layout is not None
    c = buffer.dtype.c
    body = f"to[{_row_major(layout)}] = from[{_place(layout)}];"
    return _function(f"void {name}(const {c} *restrict from, {c} *restrict to)", [], layout, body)


def _function(head: str, lines: list[str], layout: Layout, body: str) -> str:
    loops = [
        f"  for (long i{d} = 0; i{d} < {extent}; ++i{d})" for d, extent in enumerate(layout.shape)
    ]
    return "\n".join([head, "{", *lines, *loops, f"    {body}", "}"]) + "\n"


def _row_major(layout: Layout) -> str:
    strides = [prod(layout.shape[d + 1 :]) for d in range(len(layout.shape))]
    return " + ".join(_scaled(f"i{d}", stride) for d, stride in enumerate(strides))


def _place(layout: Layout) -> str:
    """Where an element lies in the buffer: its block, then its digit in each block inside."""
    terms = []
    for d in range(len(layout.shape)):
        inner = layout.block(d)
        outer = f"i{d} / {inner}" if inner > 1 else f"i{d}"
        terms.append(_scaled(outer, layout.outer_strides[d]))
        for (dimension, size), stride in zip(layout.blocks, layout.block_strides, strict=True):
            if dimension == d and size > 1:
                inner //= size
                digit = f"i{d} / {inner}" if inner > 1 else f"i{d}"
                terms.append(_scaled(f"{digit} % {size}", stride))
    return " + ".join(terms)


def _scaled(index: str, stride: int) -> str:
    if stride == 1:
        return index
    return f"({index}) * {stride}" if " " in index else f"{index} * {stride}"
