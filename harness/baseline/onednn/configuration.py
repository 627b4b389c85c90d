"""What oneDNN's adapter is told of a problem: flat JSON, see onednn_adapter.cpp."""

from __future__ import annotations

from dataclasses import replace

from harness.baseline.recognition.post_ops import Binary, Eltwise, PostOp
from harness.baseline.recognition.products import MatrixProduct
from harness.baseline.recognition.views import View
from harness.baseline.recognition.with_post_ops import WithPostOps

# What oneDNN 3 wants to be told of functions that have no parameters here.
_PARAMETERS = {"swish": (1.0, 0.0), "hardswish": (1 / 6, 0.5)}


def configuration_of(recognised: WithPostOps, threads: int, algorithm: str) -> dict[str, object]:
    """The configuration of `polydl_adapter_create`; `algorithm` is that of convolutions."""
    operator = recognised.product
    if isinstance(operator, MatrixProduct):
        return {
            "kind": "matmul",
            "threads": threads,
            **_tensor("src", operator.a),
            **_tensor("weights", operator.b),
            **_tensor("dst", operator.c),
            **_post_ops(recognised),
        }
    return {
        "kind": "convolution",
        "threads": threads,
        "algorithm": algorithm,
        "strides": list(operator.stride),
        "dilates": [d - 1 for d in operator.dilation],  # oneDNN counts from 0
        "before": list(operator.before),
        "after": list(operator.after),
        **_tensor("src", operator.data),
        **_tensor("weights", operator.weight),
        **_tensor("dst", operator.out),
        **_post_ops(recognised),
    }


def _post_ops(recognised: WithPostOps) -> dict[str, object]:
    """The bias where they begin with one, and every other post-op."""
    post_ops = list(recognised.post_ops)
    told: dict[str, object] = {}
    bias = _bias(recognised, post_ops[0]) if post_ops else None
    if bias is not None:
        told = _tensor("bias", bias)
        del post_ops[0]
    told["steps"] = len(post_ops)
    for i, one in enumerate(post_ops):
        told[f"step{i}"] = one.function
        if isinstance(one, Eltwise):
            alpha, beta = _PARAMETERS.get(one.function, (one.alpha, one.beta))
            told |= {f"step{i}_alpha": alpha, f"step{i}_beta": beta}
        else:
            told |= _tensor(f"operand{i}", recognised.operand(one.operand))
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
    }
