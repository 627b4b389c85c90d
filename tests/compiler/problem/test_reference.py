"""The reference against point-by-point loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.errors import ProblemError
from compiler.problem import iteration
from compiler.problem.inputs import random_inputs
from compiler.problem.primitive import Primitive
from compiler.problem.reference import magnitude, reference
from compiler.problem.specification import primitive_from
from tests.compiler.problem.operators import CHAIN, OPERATORS, conv2d, matmul
from tests.compiler.problem.slow_loops import run_slowly


def _agree(primitive: Primitive) -> None:
    inputs = random_inputs(primitive, 1)
    found, expected = reference(primitive, inputs), run_slowly(primitive, inputs)
    bounds = magnitude(primitive, inputs)
    assert found.keys() == expected.keys()
    for name, values in found.items():
        np.testing.assert_allclose(values, expected[name], rtol=1e-13, atol=1e-13)
        assert (bounds[name] >= np.abs(values) * (1 - 1e-5)).all()


@pytest.mark.parametrize("name", OPERATORS)
def test_every_operator(name: str) -> None:
    _agree(primitive_from(OPERATORS[name]))


@pytest.mark.parametrize("name", OPERATORS)
def test_small_chunks_change_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(iteration, "CHUNK", 7)
    _agree(primitive_from(OPERATORS[name]))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    st.fixed_dictionaries(
        {
            "n": st.integers(1, 2),
            "ic": st.integers(1, 3),
            "oc": st.integers(1, 3),
            "ih": st.integers(3, 8),
            "iw": st.integers(3, 8),
            "kh": st.integers(1, 3),
            "kw": st.integers(1, 3),
            "stride": st.integers(1, 3),
            "pad_h": st.integers(0, 3),
            "pad_w": st.integers(0, 3),
            "dilation": st.just(1),
        }
    )
)
def test_convolutions(sizes: dict[str, int]) -> None:
    _agree(primitive_from(conv2d(**sizes)))


def test_matmul() -> None:
    primitive = primitive_from(matmul())
    inputs = random_inputs(primitive, 0)
    product = inputs["a"].astype(float) @ inputs["b"].astype(float)
    np.testing.assert_allclose(reference(primitive, inputs)["c"], product, rtol=1e-14)


def test_constant_values_come_from_the_file() -> None:
    spec: dict[str, Any] = {
        "name": "winograd_row",
        "sizes": {"i": 2, "j": 3},
        "tensors": {"g": ["i", "j"], "x": ["j"], "y": ["i"]},
        "values": {"g": [[1, 0, -1], ["1/2", 0.25, "-1/4"]]},
        "statements": ["y[i] += g[i,j] * x[j]"],
    }
    primitive = primitive_from(spec)
    assert primitive.tensor("g").constant
    found = reference(primitive, {"x": np.array([4.0, 8.0, 16.0])})["y"]
    assert found.tolist() == [-12.0, 0.0]


def test_magnitude_of_cancelling_terms_does_not_cancel() -> None:
    spec = {
        "name": "difference",
        "sizes": {"i": 2},
        "tensors": {"x": ["i"], "y": ["i"]},
        "statements": ["y[i] = 3*x[i] - 3*x[i]"],
    }
    primitive = primitive_from(spec)
    inputs = {"x": np.array([-2.0, 5.0])}
    assert reference(primitive, inputs)["y"].tolist() == [0.0, 0.0]
    assert magnitude(primitive, inputs)["y"].tolist() == [12.0, 30.0]


def test_missing_and_misshapen_inputs_are_named() -> None:
    primitive = primitive_from(CHAIN)
    inputs = random_inputs(primitive, 0)
    with pytest.raises(ProblemError, match=r"chain: 'a' has shape \(3, 5\), got \(5, 3\)"):
        reference(primitive, {**inputs, "a": inputs["a"].T})
    inputs.pop("bias")
    with pytest.raises(ProblemError, match="chain: no values given for the input 'bias'"):
        reference(primitive, inputs)
