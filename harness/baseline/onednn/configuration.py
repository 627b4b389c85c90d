"""What oneDNN's adapter is told of a problem: flat JSON, see onednn_adapter.cpp."""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.baseline.recognition.chains import Chain
from harness.baseline.recognition.elementwise import Elementwise
from harness.baseline.recognition.operators import Operator
from harness.baseline.recognition.pooling import Pooling
from harness.baseline.recognition.post_ops import Eltwise, PostOp, parameters_of
from harness.baseline.recognition.products import Convolution, MatrixProduct
from harness.baseline.recognition.rows import LayerNorm, Softmax
from harness.baseline.recognition.views import View
from harness.baseline.recognition.with_post_ops import WithPostOps

_ROLES = {"src", "weights", "bias", "scale", "shift", "dst"}
_OPERAND = re.compile(r"operand\d+")


def configuration_of(chain: Chain, threads: int, algorithm: str) -> dict[str, object]:
    """The configuration of `polydl_adapter_create`; `algorithm` is that of convolutions.

    Members of operator k begin with `k_`.
    """
    told: dict[str, object] = {"threads": threads, "links": len(chain.operators)}
    for k, operator in enumerate(chain.operators):
        link = _operator(operator, algorithm, chain.made)
        for role in _ROLES & link.keys() | {r for r in link if _OPERAND.fullmatch(r)}:
            link[f"{role}_made"] = int(role != "dst" and link[role] in chain.made)
            link[f"{role}_apart"] = int(link[role] in chain.apart)
        if chain.depthwise_follows(k - 1):
            link["post_op"] = 1
        told |= {f"{k}_{name}": value for name, value in link.items()}
    return told


def _operator(operator: Operator, algorithm: str, made: frozenset[str]) -> dict[str, object]:
    told: dict[str, object] = {}
    match operator:
        case WithPostOps(product=MatrixProduct() as product):
            told |= {
                "kind": "matmul",
                **_tensor("src", product.a),
                **_tensor("weights", product.b),
                **_tensor("dst", product.c),
                **_post_ops(operator, made),
            }
        case WithPostOps(product=Convolution() as product):
            told |= {
                "kind": "convolution",
                "algorithm": algorithm,
                **_windows(product),
                **_tensor("src", product.data),
                **_tensor("weights", product.weight),
                **_tensor("dst", product.out),
                **_post_ops(operator, made),
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


def _post_ops(recognised: WithPostOps, made: frozenset[str]) -> dict[str, object]:
    """The bias where they begin with one that nothing computes, and every other post-op."""
    bias, rest = recognised.bias_and_steps()
    if bias is None or bias.tensor in made:
        return _steps(recognised, recognised.post_ops)
    return _tensor("bias", bias) | _steps(recognised, rest)


def _steps(
    operator: WithPostOps | Pooling | Elementwise, steps: Sequence[PostOp]
) -> dict[str, object]:
    told: dict[str, object] = {"steps": len(steps)}
    for i, one in enumerate(steps):
        told[f"step{i}"] = one.function
        if isinstance(one, Eltwise):
            alpha, beta = parameters_of(one)
            told |= {f"step{i}_alpha": alpha, f"step{i}_beta": beta}
        else:
            told |= _tensor(f"operand{i}", operator.operand(one.operand))
    return told


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
