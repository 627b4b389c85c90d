"""Growth of rounding errors: from the signs of the terms, and enough for what float32 does."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
import pytest

from compiler.problem.inputs import random_inputs
from compiler.problem.reference import magnitude, reference
from compiler.problem.signs import equal_terms, growth, one_signed_terms
from compiler.problem.specification import primitive_from
from tests.compiler.problem.chains import CHAINS, SOFTMAX, after
from tests.compiler.problem.operators import AVERAGE_POOL, BACKWARD_DATA, conv2d, matmul

EPS = 2.0**-23


def sums(value: str, **tensors: list[str]) -> dict[str, Any]:
    sizes = {"m": 3, "k": 50, "j": 20}
    return {
        "name": "sums",
        "sizes": {k: n for k, n in sizes.items() if any(k in used for used in tensors.values())},
        "tensors": {**tensors, "y": ["m"]},
        "statements": [f"y[m] += {value}"],
    }


@pytest.mark.parametrize(
    ("spec", "runs"),
    [
        (matmul(k=700), [1]),
        (conv2d(), [1]),
        (BACKWARD_DATA, [1]),
        (AVERAGE_POOL, [1, 1]),  # of an input with both signs
        (CHAINS["two products"], [1, 1, 1, 1]),
        (CHAINS["row sums of a rectified product"], [1, 1, 6]),
        (SOFTMAX, [1, 1, 20, 1]),
        (sums("x[m,k]*x[m,k]", x=["m", "k"]), [50]),
        (sums("abs(x[m,k])*z[m]", x=["m", "k"], z=["m"]), [50]),
        (sums("abs(x[m,k])*z[k]", x=["m", "k"], z=["k"]), [1]),
        (sums("z[k]*abs(x[m,j])", x=["m", "j"], z=["k"]), [20]),
        (sums("x[m,k] + 1", x=["m", "k"]), [50]),
        (sums("-erf(x[m,k])", x=["m", "k"]), [1]),
        (sums("exp(x[m,k])", x=["m", "k"]), [50]),
    ],
)
def test_terms_of_one_sign_are_seen(spec: dict[str, Any], runs: list[int]) -> None:
    assert list(one_signed_terms(primitive_from(spec))) == runs


def test_growth_adds_up_along_a_chain() -> None:
    assert growth(primitive_from(matmul(k=4000))) == {"c": 1.0}
    assert growth(primitive_from(after("c[m,n] = max(c[m,n]*2 + 1, 0)"))) == {"c": 1.5}
    assert growth(primitive_from(CHAINS["row sums of a rectified product"])) == pytest.approx(
        {"c": 1.0, "r": 1 + sqrt(6)}
    )


@pytest.mark.parametrize(
    ("value", "signed"), [("x[m,k]*z[k]", True), ("abs(x[m,k])*abs(z[k])", False)]
)
def test_one_accumulator_stays_below_the_bound(value: str, signed: bool) -> None:
    """With one sign it needs more than a bound without sqrt(K) would give."""
    spec = sums(value, x=["m", "k"], z=["k"]) | {"sizes": {"m": 8, "k": 25088}}
    primitive = primitive_from(spec)
    inputs = random_inputs(primitive, 0)
    x, z = inputs["x"], inputs["z"]
    terms = x * z if signed else np.abs(x) * np.abs(z)
    found = np.cumsum(terms, axis=1, dtype=np.float32)[:, -1]
    error = np.abs(found - reference(primitive, inputs)["y"]) / magnitude(primitive, inputs)["y"]
    assert error.max() <= 4 * EPS * growth(primitive)["y"]
    assert (error.max() > 4 * EPS) is not signed


ROWS_OF_PADDING = {
    "name": "rows_of_padding",
    "sizes": {"m": 40, "k": 3000},
    "tensors": {"x": ["m", "k"], "z": ["m"], "y": ["m + 2"]},
    "extents": {"i": "m + 2"},
    "outside": {"x": 0, "z": 0.7},
    "statements": ["y[i] += x[i-1,k] - z[i-1]"],
}


@pytest.mark.parametrize(
    ("spec", "equal"),
    [
        (ROWS_OF_PADDING, 3000),
        (sums("z[m]*z[m]", z=["m"], x=["k"]) | {"statements": ["y[m] += z[m] + 0*x[k]"]}, 1),
        (sums("x[m,k] - z[m]", x=["m", "k"], z=["m"]), 1),
        (conv2d(), 1),  # a product with a zero outside is no term
        (AVERAGE_POOL, 1),
    ],
)
def test_equal_terms_are_seen(spec: dict[str, Any], equal: int) -> None:
    primitive = primitive_from(spec)
    assert equal_terms(primitive, primitive.statements[0]) == equal


def test_equal_terms_err_to_one_side() -> None:
    """One accumulator of a row of padding; sqrt(K) would not have been enough."""
    primitive = primitive_from(ROWS_OF_PADDING)
    worst = 0.0
    for seed in range(4):
        inputs = random_inputs(primitive, seed)
        x = np.pad(inputs["x"], ((1, 1), (0, 0)))
        z = np.pad(inputs["z"], (1, 1), constant_values=np.float32(0.7))
        found = np.cumsum(x - z[:, None], axis=1, dtype=np.float32)[:, -1]
        error = np.abs(found - reference(primitive, inputs)["y"])
        relative = error / magnitude(primitive, inputs)["y"]
        assert relative.max() <= 4 * EPS * growth(primitive)["y"]
        worst = max(worst, float(relative.max()))
    assert worst > 4 * EPS * sqrt(one_signed_terms(primitive)[0])
