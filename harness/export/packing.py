"""C functions that pack a row-major tensor into a kernel's layout, and unpack it."""

from __future__ import annotations

from compiler.codegen.kernel import Buffer
from compiler.schedule.layout import Layout


def packing_function(name: str, buffer: Buffer) -> str:
    """`void NAME(const float *from, float *to)`: zeros go where no element lies."""
    assert buffer.layout is not None
    return _copy(name, buffer.layout.row_major, buffer.layout)


def unpacking_function(name: str, buffer: Buffer) -> str:
    """The way back: `to` gets the elements alone, row-major."""
    assert buffer.layout is not None
    return _copy(name, buffer.layout, buffer.layout.row_major)


def _copy(name: str, source: Layout, target: Layout) -> str:
    """From one layout of a shape into another."""
    c = target.dtype.c
    lines = [f"void {name}(const {c} *restrict from, {c} *restrict to)", "{"]
    if target.padded:
        lines += [f"  for (long i = 0; i < {target.elements}; ++i)", "    to[i] = 0;"]
    for d, extent in enumerate(target.shape):
        lines.append(f"  for (long i{d} = 0; i{d} < {extent}; ++i{d})")
    lines += [f"    to[{_place(target)}] = from[{_place(source)}];", "}"]
    return "\n".join(lines) + "\n"


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
