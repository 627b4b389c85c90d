"""Element-wise operators as text: values by numpy's formulas, parentheses where they are needed."""

from __future__ import annotations

from collections.abc import Callable
from math import erf, inf
from typing import Any

import numpy as np
import pytest

from compiler.problem.reference import reference
from compiler.problem.specification import primitive_from
from harness.onnx.expressions import ELEMENTWISE, Inexpressible, Term, bound, clipped, number

X = np.linspace(-4, 4, 17)
FORMULAS: dict[str, tuple[dict[str, Any], Callable[[Any], Any]]] = {
    "Celu": ({"alpha": 2.0}, lambda x: np.maximum(x, 0) + np.minimum(0, 2 * (np.exp(x / 2) - 1))),
    "Elu": ({"alpha": 0.5}, lambda x: np.where(x > 0, x, 0.5 * (np.exp(x) - 1))),
    "Gelu": ({}, lambda x: 0.5 * x * (1 + np.vectorize(erf)(x / 2**0.5))),
    "HardSigmoid": ({}, lambda x: np.clip(0.2 * x + 0.5, 0, 1)),
    "HardSwish": ({}, lambda x: x * np.clip(x / 6 + 0.5, 0, 1)),
    "LeakyRelu": ({"alpha": 0.25}, lambda x: np.where(x > 0, x, 0.25 * x)),
    "Mish": ({}, lambda x: x * np.tanh(np.log1p(np.exp(x)))),
    "Neg": ({}, np.negative),
    "Selu": (
        {},
        lambda x: 1.05070102 * np.where(x > 0, x, 1.67326319 * (np.exp(x) - 1)),
    ),
    "Sigmoid": ({}, lambda x: 1 / (1 + np.exp(-x))),
    "Softsign": ({}, lambda x: x / (1 + abs(x))),
    "Swish": ({"alpha": 0.5}, lambda x: x / (1 + np.exp(-0.5 * x))),
    "Tanh": ({}, np.tanh),
}


def value(term: Term) -> Any:
    spec = {
        "name": "p",
        "sizes": {"m": len(X)},
        "tensors": {"x": ["m"], "y": ["m"]},
        "statements": [f"y[m] = {term.text}"],
    }
    return reference(primitive_from(spec), {"x": X})["y"]


@pytest.mark.parametrize("op", FORMULAS)
def test_functions(op: str) -> None:
    attributes, formula = FORMULAS[op]
    assert value(ELEMENTWISE[op]([Term("x[m]")], attributes)) == pytest.approx(formula(X))


def test_gelu_by_tanh() -> None:
    term = ELEMENTWISE["Gelu"]([Term("x[m]")], {"approximate": "tanh"})
    inner = np.sqrt(2 / np.pi) * (X + 0.044715 * X**3)
    assert value(term) == pytest.approx(0.5 * X * (1 + np.tanh(inner)))


def test_gelu_by_nothing_known() -> None:
    with pytest.raises(Inexpressible, match="a Gelu approximated by sigmoid"):
        ELEMENTWISE["Gelu"]([Term("x")], {"approximate": "sigmoid"})


def test_parentheses_keep_the_order_of_operations() -> None:
    x = Term("x[m]")
    summed = ELEMENTWISE["Add"]([x, number(2)], {})
    assert ELEMENTWISE["Sub"]([number(1), summed], {}).text == "1 - (x[m] + 2)"
    assert ELEMENTWISE["Mul"]([summed, summed], {}).text == "(x[m] + 2) * (x[m] + 2)"
    assert (
        ELEMENTWISE["Div"]([x, ELEMENTWISE["Mul"]([x, x], {})], {}).text == "x[m] / (x[m] * x[m])"
    )
    assert ELEMENTWISE["Mul"]([number(-2), x], {}).text == "(-2) * x[m]"


@pytest.mark.parametrize(
    ("exponent", "told"),
    [
        *((2, "x * x"), (0.5, "sqrt(x)"), (-1, "1 / x"), (3, "x * x * x")),
        *((1.5, "x * sqrt(x)"), (-0.75, "1 / (sqrt(x) * sqrt(sqrt(x)))")),
    ],
)
def test_powers(exponent: float, told: str) -> None:
    assert ELEMENTWISE["Pow"]([Term("x"), number(exponent)], {}).text == told


@pytest.mark.parametrize("exponent", [0, 0.7, 4.25, 1e30])
def test_other_powers_are_inexpressible(exponent: float) -> None:
    with pytest.raises(Inexpressible, match=r"the power .*; multiples of 0\.25 up to 4"):
        ELEMENTWISE["Pow"]([Term("x"), number(exponent)], {})


def test_bounds_at_the_edge_of_float32_bound_nothing() -> None:
    assert clipped(Term("x"), bound(0), bound(3.4028234663852886e38)).text == "max(x, 0)"
    assert clipped(Term("x"), bound(-inf), bound(6)).text == "min(x, 6)"


def test_numbers_are_those_of_float32() -> None:
    assert [number(v).text for v in (0.10000000149011612, 1e-5, 3.0)] == ["0.1", "1e-05", "3"]
    with pytest.raises(Inexpressible):
        number(inf)
