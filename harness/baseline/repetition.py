"""What benchdnn, oneDNN's own benchmark, is called with to repeat a problem."""

from __future__ import annotations

from math import prod

from compiler.problem.primitive import Primitive
from harness.baseline.recognition.products import Convolution, MatrixProduct, recognise
from harness.baseline.recognition.views import Unrecognised, View
from harness.benchdnn import problem as benchdnn


def benchdnn_arguments(primitive: Primitive, name: str) -> str | None:
    """The arguments, which `harness.benchdnn` reads too; None where there are none."""
    try:
        operator = recognise(primitive)
    except Unrecognised:
        return None
    if isinstance(operator, MatrixProduct):
        return _product(operator, name).arguments
    if prod(operator.data.dims) < operator.data.elements:
        return None  # rows are left out, which benchdnn has no word for
    return _convolution(operator, name).arguments


def _product(operator: MatrixProduct, name: str) -> benchdnn.Product:
    weights = "any" if operator.b.constant else _tag(operator.b)
    tags = (_tag(operator.a), weights, _tag(operator.c))
    return benchdnn.Product(name, operator.a.dims, operator.b.dims, tags)


def _convolution(operator: Convolution, name: str) -> benchdnn.Convolution:
    mb, ic, *inputs = operator.data.dims
    _, oc, *outputs = operator.out.dims
    kernels = operator.weight.dims[-len(inputs) :]
    windows = zip(
        *(inputs, outputs, kernels, operator.stride, operator.before, operator.dilation),
        strict=True,
    )
    return benchdnn.Convolution(
        name,
        operator.groups,
        mb,
        ic,
        oc,
        tuple(benchdnn.Window(i, o, k, s, before, d - 1) for i, o, k, s, before, d in windows),
    )


def _tag(view: View) -> str:
    """The memory format: `abx` for row-major, else the dimensions' letters, slowest first."""
    strides = view.stored
    long = [strides[d] for d, length in enumerate(view.dims) if length > 1]
    if long == sorted(long, reverse=True):
        return "abx"
    order = sorted(range(len(strides)), key=lambda d: (-strides[d], d))
    return "".join("abcdefghijkl"[d] for d in order)
