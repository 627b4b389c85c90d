"""What oneDNN's adapter is told of a problem: flat JSON, see onednn_adapter.cpp."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.baseline.recognition.elementwise import Elementwise
from harness.baseline.recognition.operators import Operator
from harness.baseline.recognition.pooling import Pooling
from harness.baseline.recognition.post_ops import Binary, Eltwise, PostOp
from harness.baseline.recognition.products import Convolution, MatrixProduct
from harness.baseline.recognition.rows import LayerNorm, Softmax
from harness.baseline.recognition.views import View
from harness.baseline.recognition.with_post_ops import WithPostOps

# What oneDNN 3 wants to be told of functions that have no parameters here.
_PARAMETERS = {"swish": (1.0, 0.0), "hardswish": (1 / 6, 0.5)}


def configuration_of(operator: Operator, threads: int, algorithm: str) -> dict[str, object]:
    """The configuration of `polydl_adapter_create`; `algorithm` is that of convolutions."""
    told: dict[str, object] = {"threads": threads}
    match operator:
        case WithPostOps(product=MatrixProduct() as product):
            told |= {
                "kind": "matmul",
                **_tensor("src", product.a),
                **_tensor("weights", product.b),
                **_tensor("dst", product.c),
                **_post_ops(operator),
            }
        case WithPostOps(product=Convolution() as product):
            told |= {
                "kind": "convolution",
                "algorithm": algorithm,
                **_windows(product),
                **_tensor("src", product.data),
                **_tensor("weights", product.weight),
                **_tensor("dst", product.out),
                **_post_ops(operator),
            }
        case Pooling():
            told |= {
                "kind": "pooling",
                "algorithm": operator.algorithm,
                "kernel": list(operator.kernel),
                **_windows(operator),
                **_tensor("src", operator.data),
                **_tensor("dst", operator.out),
                **_steps(operator, operator.steps),
                "counting": ",".join(operator.counting),
            }
        case Elementwise():
            told |= {
                "kind": "elementwise",
                **_tensor("src", operator.source),
                **_tensor("dst", operator.out),
                **_steps(operator, operator.steps),
            }
        case Softmax():
            told |= {"kind": "softmax", **_rows(operator)}
        case LayerNorm():
            told |= {"kind": "layer_normalization", "epsilon": operator.epsilon, **_rows(operator)}
            for role, view in (("scale", operator.scale), ("shift", operator.shift)):
                told |= {} if view is None else _tensor(role, view)
    return told


def _windows(operator: Convolution | Pooling) -> dict[str, object]:
    return {
        "strides": list(operator.stride),
        "dilates": [d - 1 for d in operator.dilation],  # oneDNN counts from 0
        "before": list(operator.before),
        "after": list(operator.after),
    }


def _rows(operator: Softmax | LayerNorm) -> dict[str, object]:
    return {**_tensor("src", operator.source), **_tensor("dst", operator.out)}


def _post_ops(recognised: WithPostOps) -> dict[str, object]:
    """The bias where they begin with one, and every other post-op."""
    post_ops = list(recognised.post_ops)
    told: dict[str, object] = {}
    bias = _bias(recognised, post_ops[0]) if post_ops else None
    if bias is not None:
        told = _tensor("bias", bias)
        del post_ops[0]
    return told | _steps(recognised, post_ops)


def _steps(
    operator: WithPostOps | Pooling | Elementwise, steps: Sequence[PostOp]
) -> dict[str, object]:
    told: dict[str, object] = {"steps": len(steps)}
    for i, one in enumerate(steps):
        told[f"step{i}"] = one.function
        if isinstance(one, Eltwise):
            alpha, beta = _PARAMETERS.get(one.function, (one.alpha, one.beta))
            told |= {f"step{i}_alpha": alpha, f"step{i}_beta": beta}
        else:
            told |= _tensor(f"operand{i}", operator.operand(one.operand))
    return told


def _bias(recognised: WithPostOps, one: PostOp) -> View | None:
    """The tensor that a post-op adds, if it has one number for each output channel (or column)."""
    if not isinstance(one, Binary) or one.function != "add":
        return None
    view = recognised.operand(one.operand)
    product = isinstance(recognised.product, MatrixProduct)
    channel = len(view.dims) - 1 if product else 1
    if any(length > 1 for d, length in enumerate(view.dims) if d != channel):
        return None
    if view.dims[channel] != recognised.out.dims[channel]:
        return None
    if product:
        return view
    only = slice(channel, channel + 1)
    return replace(
        view,
        dims=view.dims[only],
        plain=view.plain[only],
        stored=view.stored[only],
    )


def _tensor(role: str, p: View) -> dict[str, object]:
    return {
        role: p.tensor,
        f"{role}_dims": list(p.dims),
        f"{role}_plain": list(p.plain),
        f"{role}_stored": list(p.stored),
        f"{role}_offset": p.offset,
        f"{role}_elements": p.elements,
        f"{role}_constant": int(p.constant),
        f"{role}_fixed": int(p.fixed),
    }
