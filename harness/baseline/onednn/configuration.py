"""What oneDNN's adapter is told of a problem: flat JSON, see onednn_adapter.cpp."""

from __future__ import annotations

from dataclasses import replace

from harness.baseline.epilogue import Binary, Eltwise, Step
from harness.baseline.fusion import Fused
from harness.baseline.recognition import MatrixProduct, Placement

# What oneDNN 3 wants to be told of functions that have no parameters here.
_PARAMETERS = {"swish": (1.0, 0.0), "hardswish": (1 / 6, 0.5)}


def configuration_of(fused: Fused, threads: int, algorithm: str) -> dict[str, object]:
    """The configuration of `polydl_adapter_create`; `algorithm` is that of convolutions."""
    operator = fused.product
    if isinstance(operator, MatrixProduct):
        return {
            "kind": "matmul",
            "threads": threads,
            **_tensor("src", operator.a),
            **_tensor("weights", operator.b),
            **_tensor("dst", operator.c),
            **_epilogue(fused),
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
        **_epilogue(fused),
    }


def _epilogue(fused: Fused) -> dict[str, object]:
    """The bias where the chain begins with one, and every other step."""
    chain = list(fused.chain)
    told: dict[str, object] = {}
    bias = _bias(fused, chain[0]) if chain else None
    if bias is not None:
        told = _tensor("bias", bias)
        del chain[0]
    told["steps"] = len(chain)
    for i, step in enumerate(chain):
        told[f"step{i}"] = step.function
        if isinstance(step, Eltwise):
            alpha, beta = _PARAMETERS.get(step.function, (step.alpha, step.beta))
            told |= {f"step{i}_alpha": alpha, f"step{i}_beta": beta}
        else:
            told |= _tensor(f"operand{i}", fused.operand(step.operand))
    return told


def _bias(fused: Fused, step: Step) -> Placement | None:
    """The tensor that the step adds, if it has one number for each output channel (or column)."""
    if not isinstance(step, Binary) or step.function != "add":
        return None
    placement = fused.operand(step.operand)
    product = isinstance(fused.product, MatrixProduct)
    channel = len(placement.dims) - 1 if product else 1
    if any(length > 1 for d, length in enumerate(placement.dims) if d != channel):
        return None
    if placement.dims[channel] != fused.out.dims[channel]:
        return None
    if product:
        return placement
    only = slice(channel, channel + 1)
    return replace(
        placement,
        dims=placement.dims[only],
        plain=placement.plain[only],
        stored=placement.stored[only],
    )


def _tensor(role: str, p: Placement) -> dict[str, object]:
    return {
        role: p.tensor,
        f"{role}_dims": list(p.dims),
        f"{role}_plain": list(p.plain),
        f"{role}_stored": list(p.stored),
        f"{role}_offset": p.offset,
        f"{role}_elements": p.elements,
        f"{role}_constant": int(p.constant),
    }
