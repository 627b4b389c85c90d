"""Sliding windows: the spatial dimensions of what a convolution or a pooling reads."""

from __future__ import annotations

from dataclasses import dataclass

from compiler.problem.primitive import Access, Affine, Primitive, Tensor
from harness.baseline.recognition.views import Unrecognised, View, is_loop, memory_of, merged


@dataclass(frozen=True)
class Window:
    """One spatial dimension of the data: index pixel*stride + tap*dilation - before + skipped."""

    dimension: int
    length: int  # rows used, without those that are skipped at either end
    skipped: int
    pixel: str | None  # None: the whole length is one window
    tap: str | None
    stride: int
    dilation: int
    before: int
    after: int


def window_of(
    primitive: Primitive,
    tensor: Tensor,
    d: int,
    index: Affine,
    c: frozenset[str],
    w: frozenset[str],
    outside: float = 0.0,
) -> Window:
    """Dimension `d` as a window: pixels are loops of `c` alone, taps those of `w` alone.

    Raises Unrecognised, also where padding is read that is not `outside`.
    """
    pixels = [loop for loop in index.loops if loop in c and loop not in w]
    taps = [loop for loop in index.loops if loop in w and loop not in c]
    if len(pixels) != 1 or len(taps) > 1 or len(index.terms) != len(pixels) + len(taps):
        raise Unrecognised(f"index '{index}' of {tensor.name} is no sliding window")
    tap = taps[0] if taps else None
    stride = index.coefficient(pixels[0])
    dilation = index.coefficient(tap) if tap else 1
    if stride < 1 or dilation < 1:
        raise Unrecognised(f"index '{index}' of {tensor.name} runs backwards")
    reach = (primitive.extent(tap) - 1) * dilation if tap else 0
    last = (primitive.extent(pixels[0]) - 1) * stride + reach + index.constant
    before, skipped = max(0, -index.constant), max(0, index.constant)
    after = last + 1 - tensor.shape[d]
    unread = -after if after + stride <= 0 else 0  # more than a stride's rows: leave them out
    if (before or after > 0) and tensor.outside != outside:
        raise Unrecognised(f"{tensor.name} is {tensor.outside} outside, only {outside:g} is taken")
    return Window(
        d,
        tensor.shape[d] - skipped - unread,
        skipped,
        pixels[0],
        tap,
        stride,
        dilation,
        before,
        0 if unread else after,
    )


def data_view(
    primitive: Primitive, data: Access, head: list[str | None], windows: list[Window]
) -> View:
    """n, g*ic, spatial...: spatial dimensions without the rows that are never read."""
    tensor = primitive.tensor(data.tensor)
    plain, stored = memory_of(tensor)
    position = {index.loops[0]: d for d, index in enumerate(data.indices) if is_loop(index)}
    at = [position[loop] if loop else None for loop in head]
    spatial = [v.dimension for v in windows]
    return merged(
        View(
            tensor=tensor.name,
            dims=(
                *(1 if d is None else tensor.shape[d] for d in at),
                *(v.length for v in windows),
            ),
            plain=(*(1 if d is None else plain[d] for d in at), *(plain[d] for d in spatial)),
            stored=(*(1 if d is None else stored[d] for d in at), *(stored[d] for d in spatial)),
            constant=tensor.constant,
            elements=tensor.elements,
            offset=sum(v.skipped * plain[v.dimension] for v in windows),
            fixed=tensor.plain and not tensor.constant,
        )
    )
