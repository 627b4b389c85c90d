"""Operators in a row by oneDNN: right in every form, and told which one was the fastest."""

from __future__ import annotations

import numpy as np
import pytest

from compiler.problem.primitive import Primitive
from compiler.problem.reference import reference
from compiler.problem.specification import primitive_from
from harness.baseline.baseline import Prepared
from harness.baseline.onednn.configuration import configuration_of
from harness.baseline.onednn.onednn import OneDnn
from harness.baseline.recognition.chains import recognise_chain
from tests.compiler.problem.operators import shipped
from tests.harness.baseline.adapter import Facts, LoadedAdapter

CASES = {
    "inverted residual": shipped("inverted_residual", ic=16, c=48, ih=9, iw=8),
    "inverted bottleneck, odd": shipped("inverted_bottleneck", ic=5, c=19, oc=7, ih=9, iw=8),
    "depthwise, pointwise": shipped("depthwise_pointwise", c=16, oc=32, ih=9, iw=8),
    "pointwise, depthwise": shipped("pointwise_depthwise", ic=16, c=32, ih=9, iw=8),
    "convolution and pool": shipped("conv2d_relu_max_pool2d", ic=3, oc=18, ih=9, iw=8),
    "convolution and pool, blocks": shipped("conv2d_relu_max_pool2d", ic=16, oc=16, ih=8, iw=8),
    "attention": shipped("attention", heads=2, m=7, n=9, k=4, v=5),
    "squeeze and excite": shipped("squeeze_excite", c=32, r=5, h=4, w=3),
    "layer norm, product": shipped("layernorm_matmul", m=5, k=19, n=16),
    "product, layer norm": shipped("matmul_layernorm", m=5, k=19, n=16),
    "product, softmax": shipped("matmul_softmax", m=5, k=19, n=16),
    "softmax, product": shipped("softmax_matmul", heads=2, m=7, n=9, v=5),
    "mlp": shipped("mlp", m=5, k=16, n=48, p=7),
}


def told(onednn: OneDnn, problem: Primitive) -> Facts:
    """What it runs, once its output agrees with the reference."""
    prepared = onednn.prepare(problem, 1)
    assert isinstance(prepared, Prepared), prepared
    random = np.random.default_rng(0)
    inputs = {t.name: random.uniform(-1, 1, t.shape) for t in problem.tensors if t.role == "input"}
    (expected,) = reference(problem, inputs).values()
    out = next(t for t in problem.tensors if t.role == "output")
    with LoadedAdapter(prepared.executable) as adapter:
        found = adapter.computed(inputs, out.name, out.shape)
        facts = adapter.describe()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    return facts


@pytest.mark.parametrize("case", CASES)
def test_a_chain_agrees_with_its_statements(case: str, onednn: OneDnn) -> None:
    problem = primitive_from(CASES[case])
    facts = told(onednn, problem)
    operators = recognise_chain(problem).operators
    fused = facts.form.startswith("fused")
    assert len(facts.implementation.split(" + ")) == len(operators) - fused
    assert facts.form.startswith(("fused, ", "unfused, "))
    assert facts.between and facts.reorders and facts.other_forms


def test_views_that_differ_are_reordered_in_the_call(onednn: OneDnn) -> None:
    """The mean is an image for the pool and a row for the product."""
    facts = told(onednn, primitive_from(CASES["squeeze and excite"]))
    assert "mean" in facts.reorders


def test_who_may_take_a_depthwise_convolution() -> None:
    def offered(name: str, **sizes: int) -> list[int]:
        chain = recognise_chain(primitive_from(shipped(name, **sizes)))
        told = configuration_of(chain, 1, "direct")
        return [k for k in range(len(chain.operators)) if f"{k}_post_op" in told]

    assert offered("inverted_residual") == [1]
    assert offered("pointwise_depthwise") == [1]
    assert offered("depthwise_pointwise") == []
    assert offered("inverted_bottleneck", kh=5) == []  # oneDNN's window is a square
    assert offered("mlp") == []
