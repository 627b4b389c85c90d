"""Normal forms: what is coalesced, what stays, and that they compute the same."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.model.loop_nest import loop_nest
from compiler.problem.inputs import random_inputs
from compiler.problem.primitive import Primitive
from compiler.problem.reference import reference
from compiler.problem.specification import primitive_from
from tests.compiler.problem.operators import OPERATORS, conv2d, matmul

_BATCHED = {
    "name": "shared_b",
    "sizes": {"g": 3, "m": 4, "n": 5, "k": 6},
    "tensors": {"a": ["g", "m", "k"], "b": ["k", "n"], "c": ["g", "m", "n"]},
    "statements": ["c[g,m,n] += a[g,m,k] * b[k,n]", "c[g,m,n] = max(c[g,m,n] + 1, 0)"],
}


def _same_results(primitive: Primitive) -> None:
    """The nest on reshaped inputs computes the primitive's reshaped outputs."""
    nest = loop_nest(primitive).nest
    inputs = random_inputs(primitive, 0)
    reshaped = {name: values.reshape(nest.tensor(name).shape) for name, values in inputs.items()}
    expected, found = reference(primitive, inputs), reference(nest, reshaped)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name].reshape(values.shape), values, rtol=1e-12)


@pytest.mark.parametrize("name", OPERATORS)
def test_every_operator_computes_the_same(name: str) -> None:
    _same_results(primitive_from(OPERATORS[name]))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.lists(st.integers(1, 3), min_size=7, max_size=7), st.integers(0, 1), st.integers(1, 2))
def test_convolutions_compute_the_same(sizes: list[int], pad: int, stride: int) -> None:
    n, ic, oc, kh, kw, eh, ew = sizes
    spec = conv2d(
        n=n, ic=ic, oc=oc, kh=kh, kw=kw, ih=kh + eh, iw=kw + ew - 1,
        pad_h=pad, pad_w=pad, stride=stride,
    )  # fmt: skip
    primitive = primitive_from(spec)
    nest = loop_nest(primitive)
    assert prod(nest.extents.values()) == prod(n for _, n in primitive.extents)
    assert nest.nest.flops == primitive.flops
    _same_results(primitive)


def test_a_1x1_convolution_is_a_matrix_product() -> None:
    nest = loop_nest(primitive_from(conv2d(kh=1, kw=1, pad_h=0, pad_w=0)))
    assert nest.extents == {"oc": 5, "oh_ow": 42, "ic": 3}
    assert nest.reduction_loops == ("ic",)
    assert nest.guards == ()
    assert dict(nest.origin)["oh_ow"] == ("oh", "ow")
    assert nest.nest.tensor("data").shape == (1, 3, 42)
    assert [str(a) for a in nest.nest.statements[0].reads] == [
        "data[0, ic, oh_ow]",
        "weight[oc, ic, 0, 0]",
    ]


def test_a_kernel_as_large_as_the_image_coalesces_three_loops() -> None:
    nest = loop_nest(primitive_from(conv2d(kh=6, kw=7, pad_h=0, pad_w=0)))
    assert nest.extents == {"oc": 5, "ic_kh_kw": 126}


def test_all_statements_and_the_stored_order_must_agree() -> None:
    assert loop_nest(primitive_from(_BATCHED)).extents == {"g_m": 12, "n": 5, "k": 6}
    stored = {**_BATCHED, "stored": {"a": [1, 0, 2]}}
    assert loop_nest(primitive_from(stored)).extents == {"g": 3, "m": 4, "n": 5, "k": 6}


def test_an_element_wise_chain_becomes_one_loop() -> None:
    spec = {
        "name": "clip",
        "sizes": {"n": 2, "c": 3, "h": 4},
        "tensors": {"x": ["n", "c", "h"], "t": ["n", "c", "h"], "y": ["n", "c", "h"]},
        "temporary": ["t"],
        "statements": ["t[n,c,h] = max(x[n,c,h], 0)", "y[n,c,h] = min(t[n,c,h], 6)"],
    }
    nest = loop_nest(primitive_from(spec))
    assert nest.extents == {"n_c_h": 24}
    assert nest.nest.tensor("t").shape == (24,)


def test_padding_leaves_guards() -> None:
    nest = loop_nest(primitive_from(conv2d(pad_w=0)))
    (guard,) = nest.guards
    assert (guard.access.tensor, guard.dimension, guard.size, guard.write) == ("data", 2, 6, False)
    assert str(guard.index) == "kh + oh - 1"
    write = loop_nest(primitive_from(OPERATORS["backward_data"])).guards[0]
    assert write.write
    assert write.access.tensor == "out"


def test_a_single_iteration_keeps_one_loop() -> None:
    nest = loop_nest(primitive_from(matmul(m=1, n=1, k=1)))
    assert nest.extents == {"m": 1}
    constant = {"name": "one", "tensors": {"x": [2], "y": [1]}, "statements": ["y[0] += x[1]"]}
    assert loop_nest(primitive_from(constant)).extents == {"once": 1}
    _same_results(primitive_from(constant))
