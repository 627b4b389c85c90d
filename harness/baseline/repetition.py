"""What benchdnn, oneDNN's own benchmark, is called with to repeat a problem.

The words are those of oneDNN 3.2, which is what polydl installs; 3.x differs from it in `--bia-dt`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import prod

from compiler.problem.primitive import Primitive
from harness.baseline.recognition.chains import recognise_chain
from harness.baseline.recognition.elementwise import Elementwise
from harness.baseline.recognition.operators import Operator
from harness.baseline.recognition.pooling import Pooling
from harness.baseline.recognition.post_ops import Binary, Eltwise, PostOp, parameters_of
from harness.baseline.recognition.products import Convolution, MatrixProduct
from harness.baseline.recognition.rows import LayerNorm, Softmax
from harness.baseline.recognition.views import Unrecognised, View
from harness.baseline.recognition.with_post_ops import WithPostOps
from harness.benchdnn import drivers
from harness.benchdnn import problem as benchdnn

Problem = (
    benchdnn.Product
    | benchdnn.Convolution
    | drivers.Pooling
    | drivers.Elementwise
    | drivers.Binary
    | drivers.Softmax
    | drivers.LayerNorm
)
POOLINGS = {"max": "max", "avg_include_padding": "avg_p", "avg_exclude_padding": "avg_np"}


def benchdnn_arguments(primitive: Primitive, name: str) -> str | None:
    """The arguments; None where there are none. `harness.benchdnn` reads those of plain products.

    One call repeats one of oneDNN's primitives, with its post-ops. A chain of several has none, but
    for a depthwise convolution as a post-op of a 1x1 one: the fused one of the ways to run these.
    """
    try:
        chain = recognise_chain(primitive)
        first, *others = chain.operators
        problem = _problem(first, name)
        if len(others) == 1 and chain.depthwise_follows(0):
            problem = _with_depthwise(problem, others[0])
        elif others:
            return None
    except Unrecognised:
        return None
    return None if _leaves_rows_out(first) else problem.arguments


def _problem(operator: Operator, name: str) -> Problem:
    match operator:
        case WithPostOps():
            product = operator.product
            if isinstance(product, MatrixProduct):
                return _product(operator, product, name)
            return _convolution(operator, product, name)
        case Pooling():
            return _pooling(operator, name)
        case Elementwise():
            return _elementwise(operator, name)
        case Softmax():
            tags = (_tag(operator.source), _tag(operator.out))
            return drivers.Softmax(name, operator.source.dims, tags)
        case LayerNorm():
            return _layer_norm(operator, name)


def _leaves_rows_out(operator: Operator) -> bool:
    """Whether rows at the ends of the data are never read, which benchdnn has no word for."""
    one = operator.product if isinstance(operator, WithPostOps) else operator
    if not isinstance(one, Convolution | Pooling):
        return False
    return prod(one.data.dims) < one.data.elements


def _with_depthwise(first: Problem, second: Operator) -> Problem:
    """The first, a 1x1 convolution, with the depthwise one that reads it among its post-ops."""
    assert isinstance(first, benchdnn.Convolution) and isinstance(second, WithPostOps)
    assert isinstance(second.product, Convolution)
    kernel, stride = second.product.weight.dims[-1], second.product.stride[0]
    depthwise = f"dw:k{kernel}s{stride}p{second.product.before[0]}"
    _, rest = second.bias_and_steps()  # benchdnn's has a bias of its own
    steps = (first.post_ops, depthwise, _post_ops(second, rest))
    return replace(first, post_ops="+".join(filter(None, steps)))


def _product(operator: WithPostOps, product: MatrixProduct, name: str) -> benchdnn.Product:
    weights = "any" if product.b.constant else _tag(product.b)
    tags = (_tag(product.a), weights, _tag(product.c))
    bias, rest = operator.bias_and_steps()
    text = _post_ops(operator, rest)
    mask = None if bias is None else _mask(bias.dims)
    return benchdnn.Product(name, product.a.dims, product.b.dims, tags, mask, text)


def _convolution(operator: WithPostOps, product: Convolution, name: str) -> benchdnn.Convolution:
    mb, ic, *_ = product.data.dims
    bias, rest = operator.bias_and_steps()
    return benchdnn.Convolution(
        name,
        product.groups,
        mb,
        ic,
        product.out.dims[1],
        _windows(product, product.weight.dims[-len(product.stride) :]),
        bias is not None,
        _post_ops(operator, rest),
    )


def _windows(
    operator: Convolution | Pooling, kernels: Sequence[int]
) -> tuple[benchdnn.Window, ...]:
    inputs, outputs = operator.data.dims[2:], operator.out.dims[2:]
    steps = (operator.stride, operator.before, operator.dilation)
    windows = zip(inputs, outputs, kernels, *steps, strict=True)
    return tuple(benchdnn.Window(i, o, k, s, before, d - 1) for i, o, k, s, before, d in windows)


def _pooling(pooling: Pooling, name: str) -> drivers.Pooling:
    mb, channels, *_ = pooling.data.dims
    return drivers.Pooling(
        name,
        POOLINGS[pooling.algorithm],
        mb,
        channels,
        _windows(pooling, pooling.kernel),
        _tags(pooling.data, pooling.out),
        _post_ops(pooling, pooling.steps),
    )


def _elementwise(chain: Elementwise, name: str) -> drivers.Elementwise | drivers.Binary:
    """The first step is the primitive, the others are its post-ops."""
    first, *rest = chain.steps
    text, dims, tags = _post_ops(chain, rest), chain.source.dims, _tags(chain.source, chain.out)
    if isinstance(first, Eltwise):
        alpha, beta = map(_number, parameters_of(first))
        return drivers.Elementwise(name, first.function, alpha, beta, dims, tags, text)
    operand = chain.operand(first.operand)
    alike = operand.dims == chain.out.dims and not operand.fixed
    both = tuple(f"{tag}:{tag if alike else _tag(operand)}" for tag in tags)
    return drivers.Binary(name, first.function, dims, operand.dims, both, text)


def _layer_norm(norm: LayerNorm, name: str) -> drivers.LayerNorm:
    tags = (_tag(norm.source), _tag(norm.out))
    scale, shift = norm.scale is not None, norm.shift is not None
    return drivers.LayerNorm(name, norm.source.dims, tags, scale, shift)


def _post_ops(operator: WithPostOps | Pooling | Elementwise, steps: Iterable[PostOp]) -> str:
    """`relu+add:f32:2`: the mask has a bit for each dimension along which an operand differs."""
    return "+".join(_post_op(operator, step) for step in steps)


def _post_op(operator: WithPostOps | Pooling | Elementwise, step: PostOp) -> str:
    if isinstance(step, Binary):
        operand = operator.operand(step.operand)
        text = f"{step.function}:f32:{_mask(operand.dims)}"
        several = sum(length > 1 for length in operand.dims) > 1
        return f"{text}:{_tag(operand)}" if several and operand.fixed else text
    alpha, beta = map(_number, parameters_of(step))
    if (alpha, beta) == ("0", "0"):
        return step.function
    return f"{step.function}:{alpha}" + (f":{beta}" if beta != "0" else "")


def _mask(dims: Sequence[int]) -> int:
    return sum(1 << d for d, length in enumerate(dims) if length > 1)


def _number(value: float) -> str:
    """Exact for float32, without a plus, which separates post-ops."""
    return f"{value:.9g}".replace("+", "")


def _tags(source: View, out: View) -> tuple[str, ...]:
    """The memory formats that the baseline tries, of which records name the fastest."""
    if source.fixed or out.fixed:
        return (_tag(source),)
    dims = out.dims
    blocks = [n for n in (16, 8) if 3 <= len(dims) <= 5 and dims[1] > 1 and dims[1] % n == 0]
    last = ["axb"] if 3 <= len(dims) <= 5 and dims[1] > 1 else []
    return ("abx", *last, *(f"aBx{n}b" for n in blocks))


def _tag(view: View) -> str:
    """The memory format: `abx` for row-major, else the dimensions' letters, slowest first."""
    strides = view.stored
    long = [strides[d] for d, length in enumerate(view.dims) if length > 1]
    if long == sorted(long, reverse=True):
        return "abx"
    order = sorted(range(len(strides)), key=lambda d: (-strides[d], d))
    return "".join("abcdefghijkl"[d] for d in order)
