"""Operators in a row: how statements are cut, and what operators hand on to each other."""

from __future__ import annotations

from typing import Any

import pytest

from compiler.problem.primitive import Primitive
from compiler.problem.specification import primitive_from
from harness.baseline.recognition.chains import Chain, recognise_chain
from harness.baseline.recognition.elementwise import Elementwise
from harness.baseline.recognition.operators import Operator, steps_of
from harness.baseline.recognition.pooling import Pooling
from harness.baseline.recognition.products import Convolution, MatrixProduct
from harness.baseline.recognition.rows import LayerNorm, Softmax
from harness.baseline.recognition.views import Unrecognised
from harness.baseline.recognition.with_post_ops import WithPostOps
from tests.compiler.problem.operators import shipped

KINDS: dict[str, list[type]] = {
    "conv2d_bias_relu": [Convolution],
    "conv2d_relu_max_pool2d": [Convolution, Pooling],
    "depthwise_pointwise": [Convolution, Convolution],
    "inverted_bottleneck": [Convolution, Convolution, Convolution],
    "inverted_residual": [Convolution, Convolution, Convolution],
    "layernorm_matmul": [LayerNorm, MatrixProduct],
    "matmul_layernorm": [MatrixProduct, LayerNorm],
    "matmul_softmax": [MatrixProduct, Softmax],
    "mlp": [MatrixProduct, MatrixProduct],
    "pointwise_depthwise": [Convolution, Convolution],
    "softmax_matmul": [Softmax, MatrixProduct],
    "squeeze_excite": [Pooling, MatrixProduct, MatrixProduct, Elementwise],
}


def kind(operator: Operator) -> type:
    return type(operator.product if isinstance(operator, WithPostOps) else operator)


@pytest.mark.parametrize("name", KINDS)
def test_operators_of_a_shipped_primitive(name: str) -> None:
    found = recognise_chain(primitive_from(shipped(name)))
    assert [kind(operator) for operator in found.operators] == KINDS[name]
    assert not found.moved


def test_attention_divides_before_the_second_product() -> None:
    """Its primitive divides behind it, which would leave no softmax to be found."""
    found = recognise_chain(primitive_from(shipped("attention")))
    assert [kind(one) for one in found.operators] == [MatrixProduct, Softmax, MatrixProduct]
    assert found.moved
    assert [step.function for step in steps_of(found.operators[0])] == ["linear"]
    assert steps_of(found.operators[2]) == ()


def test_attention_that_divides_first_is_the_same_chain() -> None:
    spec = shipped("attention")
    *statements, product, _ = spec["statements"]
    divided = "scores[heads,m,n] = scores[heads,m,n] * scale[heads,m]"
    found = recognise_chain(primitive_from(spec | {"statements": [*statements, divided, product]}))
    assert [kind(one) for one in found.operators] == [MatrixProduct, Softmax, MatrixProduct]
    assert not found.moved


def chained(*statements: str, **changes: Any) -> Primitive:
    """Products of x[m,k] by w[k,n] and of that by v[n,p]."""
    shapes = {"x": ["m", "k"], "w": ["k", "n"], "t": ["m", "n"], "v": ["n", "p"], "y": ["m", "p"]}
    shapes |= {"f": ["m"], "g": ["m"]}
    used = {name for name in shapes if any(f"{name}[" in line for line in statements)}
    written = {line.split("[")[0] for line in statements}
    return primitive_from(
        {
            "name": "chained",
            "sizes": {"m": 4, "n": 6, "k": 3, "p": 2},
            "tensors": {name: shape for name, shape in shapes.items() if name in used},
            "temporary": sorted(written - {"y"}),
            "statements": list(statements),
            **changes,
        }
    )


TO_Y = {
    "sizes": {"m": 4, "n": 6, "k": 3},
    "tensors": {"x": ["m", "k"], "w": ["k", "n"], "t": ["m", "n"], "y": ["m", "n"]},
}
FIRST, SECOND = "t[m,n] += x[m,k] * w[k,n]", "y[m,p] += t[m,n] * v[n,p]"
COMPUTED = "f[m] = exp(g[m])"


def moved(*statements: str) -> bool:
    return recognise_chain(chained(*statements)).moved


def test_a_factor_stays_where_fewer_operators_do_not_follow() -> None:
    assert not moved(FIRST, SECOND, "y[m,p] = y[m,p] * 2")
    assert not moved(FIRST, COMPUTED, SECOND, "y[m,p] = y[m,p] * f[m]")


def test_what_operators_hand_on() -> None:
    found = recognise_chain(chained(FIRST, "t[m,n] = max(t[m,n], 0)", SECOND))
    assert found.made == {"t"} and found.apart == frozenset()
    pooled = recognise_chain(primitive_from(shipped("squeeze_excite")))
    assert pooled.made == {"mean", "hidden", "gate"}
    assert pooled.apart == {"mean", "gate"}  # images for one side, rows for the other


def test_a_value_that_is_replaced_between_operators() -> None:
    found = recognise_chain(
        chained(
            FIRST,
            "f[m] = max(f[m], t[m,n])",
            "t[m,n] = exp(t[m,n] - f[m])",
            "g[m] += t[m,n]",
            "t[m,n] = t[m,n] / g[m]",
            SECOND,
        )
    )
    assert [kind(one) for one in found.operators] == [MatrixProduct, Softmax, MatrixProduct]
    assert [one.out.tensor for one in found.operators] == ["t@0", "t", "y"]


REFUSED = {
    "a sum that goes on": (FIRST, SECOND, "t[m,n] += x[m,k] * w[k,n]", "y[m,p] += t[m,n] * v[n,p]"),
    "half of what was written": (
        FIRST,
        "y[m,p] += t[m,h] * v[h,p]",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refuses_what_is_no_chain(case: str) -> None:
    with pytest.raises(Unrecognised):
        recognise_chain(chained(*REFUSED[case], extents={"h": "n//2"} if "half" in case else {}))


def test_a_value_between_operators_is_not_handed_out() -> None:
    with pytest.raises(Unrecognised, match="2 outputs"):
        recognise_chain(chained(FIRST, SECOND, temporary=[]))


def test_one_operator_keeps_its_own_reason() -> None:
    with pytest.raises(Unrecognised, match="no known step computes"):
        recognise_chain(chained(FIRST, "y[m,n] = tanh(t[m,n]) / t[m,n]", **TO_Y))


def test_a_chain_is_a_value() -> None:
    one = recognise_chain(primitive_from(shipped("mlp")))
    assert one == Chain(one.operators)
