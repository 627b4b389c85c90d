"""Windows of convolutions and pools: strides, dilations and padding by dimension."""

from __future__ import annotations

from collections.abc import Sequence

from harness.benchdnn.problem import Window
from harness.onnx.expressions import Inexpressible
from harness.onnx.graph import GraphNode, Shape

LINE = Window(1, 1, 1, 1, 0, 0)  # the height of what has one dimension alone
_SAME = ("SAME_UPPER", "SAME_LOWER")
_AUTO_PADS = ("", "NOTSET", "VALID", *_SAME)


def windows(node: GraphNode, data: Shape, out: Shape, kernel: Shape) -> tuple[Window, ...]:
    """One for each spatial dimension; padding in front as the file, or `auto_pad`, has it."""
    _check_rank(data, out, kernel)
    strides, dilations, pads, auto = _attributes(node, len(data))
    found = []
    for axis, (length, shown, taps) in enumerate(zip(data, out, kernel, strict=True)):
        reach = (taps - 1) * dilations[axis] + 1
        total = max((shown - 1) * strides[axis] + reach - length, 0)
        before = _before(auto, total, pads[axis])
        found.append(Window(length, shown, taps, strides[axis], before, dilations[axis] - 1))
    return tuple(found)


def scattered(node: GraphNode, data: Shape, out: Shape, kernel: Shape) -> tuple[Window, ...]:
    """Those of a transposed convolution; `before` is what is cropped in front of the output.

    Of what its windows reach `output_shape` says how much is left, or `auto_pad` that it is as many
    times as long as strides say.
    """
    _check_rank(data, out, kernel)
    rank = len(data)
    strides, dilations, pads, auto = _attributes(node, rank)
    more = list(node.attributes.get("output_padding", [0] * rank))
    asked = list(node.attributes.get("output_shape", ()))
    if auto in _SAME and not asked:
        asked = [length * stride for length, stride in zip(data, strides, strict=True)]
    if len(more) != rank or min(more) < 0:
        raise Inexpressible(f"an output_padding of {more}")
    if asked and asked != list(out):
        raise Inexpressible(f"an output of {out}; auto_pad or output_shape ask for {asked}")
    found = []
    for axis, (length, shown, taps) in enumerate(zip(data, out, kernel, strict=True)):
        reach = (length - 1) * strides[axis] + (taps - 1) * dilations[axis] + 1
        before = 0 if auto == "VALID" else pads[axis]
        if asked:
            total = reach + more[axis] - shown
            if total < 0:
                raise Inexpressible(f"an output of {shown} rows where windows reach {reach}")
            before = total // 2 if auto == "SAME_UPPER" else total - total // 2
        found.append(Window(length, shown, taps, strides[axis], before, dilations[axis] - 1))
    return tuple(found)


def kernel_of(node: GraphNode, weight: Shape) -> Shape:
    """That of weights, with which the attribute must agree."""
    told = tuple(node.attributes.get("kernel_shape", weight[2:]))
    if told != weight[2:]:
        raise Inexpressible(f"a kernel_shape of {told} for weights of {weight}")
    return told


def _check_rank(data: Shape, out: Shape, kernel: Shape) -> None:
    if not 1 <= len(data) <= 3:
        raise Inexpressible(f"{len(data)} spatial dimensions; primitives have one to three")
    if len(kernel) != len(data) or min(kernel) < 1:
        raise Inexpressible(f"a kernel of {kernel} for an image of {data}")
    if len(out) != len(data):
        raise Inexpressible(f"an output of {out} for an image of {data}")


def _attributes(
    node: GraphNode, rank: int
) -> tuple[Sequence[int], Sequence[int], Sequence[int], str]:
    """strides, dilations, pads and auto_pad."""
    strides, dilations = (node.attributes.get(k, [1] * rank) for k in ("strides", "dilations"))
    pads, auto = node.attributes.get("pads", [0] * 2 * rank), node.attributes.get("auto_pad", "")
    if len(strides) != rank or len(dilations) != rank or len(pads) != 2 * rank:
        raise Inexpressible("strides, dilations or pads are of another rank")
    if min(*strides, *dilations) < 1 or min(pads) < 0:
        raise Inexpressible(f"strides {strides}, dilations {dilations}, pads {pads}")
    if auto not in _AUTO_PADS:
        raise Inexpressible(f"an auto_pad of {auto}")
    return strides, dilations, pads, auto


def _before(auto: str, total: int, told: int) -> int:
    own = {"SAME_UPPER": total // 2, "SAME_LOWER": total - total // 2, "VALID": 0}
    return own.get(auto, told)
