"""A convolution or matrix product as one of AutoTVM's operators, and its packed arguments.

The templates want inputs in layouts that their tuning chooses: a blocked array is one with steps
of the row-major one, an axis for the blocks and an axis inside of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from compiler.problem.primitive import Primitive
from harness.baseline.adapter.arrays import Axis, array
from harness.baseline.recognition.products import Convolution, MatrixProduct
from harness.baseline.recognition.views import View

ROLES = ("data", "weight", "out")  # in the adapter's order


class Unsuitable(Exception):
    """AutoTVM has no operator that is this one; the message says what is in the way."""


@dataclass(frozen=True)
class Operator:
    """One task. `request` is what the tuner's script gets of it."""

    template: str
    request: Mapping[str, object]


def operator_of(primitive: Primitive, product: Convolution | MatrixProduct) -> Operator:
    """The task; raises Unsuitable."""
    if isinstance(product, MatrixProduct):
        return _dense(primitive, product)
    return _convolution(product)


def packed_arrays(
    product: Convolution | MatrixProduct, arguments: Sequence[tuple[str, Sequence[int]]]
) -> dict[str, object]:
    """The adapter's arrays, from the shapes that the tuned operator wants, in its order."""
    shapes = {role: tuple(shape) for role, shape in arguments}
    if isinstance(product, MatrixProduct):
        views = {"data": product.a, "weight": product.b, "out": product.c}
        weight = _steps(product.b, (1, 0), shapes["weight"], ((0, 2),))
        steps = {"data": product.a.plain, "weight": weight, "out": product.c.plain}
        layouts = {"data": "ab", "weight": f"Ba{shapes['weight'][2]}b", "out": "ab"}
    else:
        views = {"data": product.data, "weight": product.weight, "out": product.out}
        steps, layouts = _convolution_steps(product, shapes)
    configuration: dict[str, object] = {"order": [ROLES.index(role) for role, _ in arguments]}
    for role, view in views.items():
        axes = [Axis(*axis) for axis in zip(shapes[role], steps[role], strict=True)]
        configuration |= array(role, view, layouts[role], axes)
    return configuration


def _convolution_steps(
    product: Convolution, shapes: Mapping[str, tuple[int, ...]]
) -> tuple[dict[str, tuple[int, ...]], dict[str, str]]:
    """data and out: n, C, h, w, c; weight: O, I, kh, kw, i, o."""
    weight = product.weight
    if product.groups > 1:  # depthwise: the group is the output channel, o and i are 1
        group, _, _, *taps = weight.plain
        inner_i, inner_o = 1, shapes["weight"][5]
        own = (group * inner_o, 0, *taps, 0, group)
    else:
        o, i, *taps = weight.plain
        inner_i, inner_o = shapes["weight"][4:]
        own = (o * inner_o, i * inner_i, *taps, i, o)
    steps = {"weight": own}
    layouts = {"weight": f"ABcd{inner_i}b{inner_o}a"}
    for role, view in (("data", product.data), ("out", product.out)):
        steps[role] = _steps(view, (0, 1, 2, 3), shapes[role], ((1, 4),))
        layouts[role] = f"aBcd{shapes[role][4]}b"
    return steps, layouts


def _steps(
    view: View,
    order: tuple[int, ...],
    shape: tuple[int, ...],
    blocked: tuple[tuple[int, int], ...],
) -> tuple[int, ...]:
    """Steps of axes that are dimensions in this order; (outer, inner) axes share a dimension."""
    steps = [view.plain[d] for d in order]
    for outer, inner in blocked:
        steps.append(steps[outer])
        steps[outer] *= shape[inner]
    return tuple(steps)


def _convolution(product: Convolution) -> Operator:
    if len(product.stride) != 2:
        raise Unsuitable(f"{len(product.stride)} spatial dimensions, AutoTVM's packed form has 2")
    if not product.weight.constant:
        raise Unsuitable("the weights are not constant, AutoTVM's template wants them packed")
    n, channels, ih, iw = product.data.dims
    outputs = product.out.dims[1]
    kh, kw = product.weight.dims[-2:]
    if product.groups == 1:
        name, template, weight = "conv2d", "conv2d_NCHWc", [outputs, channels, kh, kw]
    elif product.groups == channels == outputs:
        name, template = "depthwise_conv2d", "depthwise_conv2d_NCHWc"
        weight = [outputs, 1, kh, kw]
    else:
        raise Unsuitable(f"{product.groups} groups, only one and one for each channel are taken")
    top, left = product.before
    bottom, right = (max(0, rows) for rows in product.after)  # rows that no output reads stay
    request = {
        "operator": name,
        "shapes": [[n, channels, ih, iw], weight],
        "strides": list(product.stride),
        "padding": [top, left, bottom, right],
        "dilation": list(product.dilation),
    }
    return Operator(template, request)


def _dense(primitive: Primitive, product: MatrixProduct) -> Operator:
    if len(product.c.dims) != 2:
        raise Unsuitable("a batch of matrix products, AutoTVM's dense has none")
    if not product.b.constant:
        raise Unsuitable(f"{product.b.tensor} is not constant, AutoTVM's dense packs it")
    for view in (product.a, product.c):
        if primitive.tensor(view.tensor).plain and view.stored != view.plain:
            raise Unsuitable(f"{view.tensor} lies transposed, AutoTVM's dense has it row-major")
    m, n = product.c.dims
    k = product.a.dims[1]
    return Operator("dense_pack", {"operator": "dense", "shapes": [[m, k], [n, k]]})
