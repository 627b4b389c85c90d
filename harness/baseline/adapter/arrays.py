"""The configuration of arrays.h: how a tensor lies in an adapter's own memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.baseline.recognition.views import View


@dataclass(frozen=True)
class Axis:
    """`length` positions, `stride` elements apart in the row-major array, with zeros around."""

    length: int
    stride: int
    before: int = 0
    after: int = 0


@dataclass(frozen=True)
class Block:
    """Axes `outer` and `inner` are one dimension of `length`, which may end inside a block."""

    outer: int
    inner: int
    length: int


def array(
    role: str,
    view: View,
    layout: str,
    axes: Sequence[Axis],
    blocks: Sequence[Block] = (),
) -> dict[str, object]:
    """Flat entries for `Array(configuration, role)`; `layout` is what records say of it."""
    return {
        role: view.tensor,
        f"{role}_layout": layout,
        f"{role}_elements": view.elements,
        f"{role}_offset": view.offset,
        f"{role}_dims": [axis.length for axis in axes],
        f"{role}_strides": [axis.stride for axis in axes],
        f"{role}_padding": [zeros for axis in axes for zeros in (axis.before, axis.after)],
        f"{role}_blocks": [number for b in blocks for number in (b.outer, b.inner, b.length)],
    }


def matrix(role: str, view: View) -> dict[str, object]:
    """An operand of a matrix product in the caller's memory order, [batch.., row, column].

    `<role>_shape` are its dimensions in this order, `<role>_memory` their strides.
    """
    order = sorted(range(len(view.dims)), key=lambda d: (-view.stored[d], view.dims[d]))
    axes = [Axis(view.dims[d], view.plain[d]) for d in order]
    tag = "".join(chr(ord("a") + d) for d in order)
    return {
        **array(role, view, tag, axes),
        f"{role}_shape": list(view.dims),
        f"{role}_memory": list(view.stored),
        f"{role}_constant": int(view.constant),
    }
