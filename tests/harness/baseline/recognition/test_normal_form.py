"""Expressions written differently have one normal form, and keep their value."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.problem.primitive import Access, Call, Expression, Number, Read
from harness.baseline.recognition.normal_form import alike, normal, product, scaled, shown

X, Y = Read(Access("x", ())), Read(Access("y", ()))
VALUES = {"x": 1.25, "y": -0.75}
FUNCTIONS: dict[str, Callable[..., float]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "neg": lambda a: -a,
    "max": max,
    "min": min,
    "tanh": math.tanh,
    "abs": abs,
}


def call(function: str, *arguments: Expression | float) -> Call:
    return Call(function, tuple(Number(a) if isinstance(a, float) else a for a in arguments))


def value(e: Expression) -> float:
    if isinstance(e, Number):
        return e.value
    if isinstance(e, Read):
        return VALUES[e.access.tensor]
    operands = [value(a) for a in e.arguments]
    if e.function in ("add", "mul"):  # of any number of operands
        return math.fsum(operands) if e.function == "add" else math.prod(operands)
    return FUNCTIONS[e.function](*operands)


def operation(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    unary = st.builds(call, st.sampled_from(["neg", "tanh", "abs"]), inner)
    binary = st.builds(call, st.sampled_from(["add", "sub", "mul", "max", "min"]), inner, inner)
    return unary | binary | st.builds(lambda a, b: call("div", a, b), inner, st.just(Number(4.0)))


LEAVES = st.sampled_from([X, Y]) | st.integers(-3, 3).map(lambda n: Number(n / 2))
EXPRESSIONS: st.SearchStrategy[Expression] = st.recursive(LEAVES, operation, max_leaves=8)


@given(EXPRESSIONS)
def test_the_value_stays(e: Expression) -> None:
    found = normal(e)
    assert value(found) == pytest.approx(value(e), rel=1e-9, abs=1e-9)
    assert alike(normal(found), found)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (call("sub", X, Y), call("add", call("neg", Y), X)),
        (call("div", X, 4.0), call("mul", 0.25, X)),
        (call("mul", X, call("mul", Y, 2.0)), call("mul", call("mul", 2.0, Y), X)),
        (
            call("add", call("mul", 0.5, X), 0.5),
            call("mul", call("add", 1.0, X), 0.5),
        ),
        (call("max", X, 0.0), call("max", 0.0, X)),
        (call("div", X, call("sqrt", 2.0)), call("mul", X, 0.70710678)),
        (call("div", 1.0, call("mul", 2.0, X)), call("mul", 0.5, call("div", 1.0, X))),
        (call("mul", X, 0.0), call("mul", 0.0, Y)),
    ],
)
def test_equal_expressions_are_alike(one: Expression, other: Expression) -> None:
    assert alike(normal(one), normal(other))


def test_unequal_ones_are_not() -> None:
    for other in (Y, call("mul", X, X), call("mul", 1.001, X), call("tanh", X)):
        assert not alike(normal(X), normal(other))


def test_numbers_without_a_value_stay_as_they_are() -> None:
    for e in (call("sqrt", -1.0), call("exp", 1e4), call("div", 1.0, call("sub", 1.0, 1.0))):
        assert not isinstance(normal(e), Number)


def test_a_product_is_a_number_and_factors() -> None:
    assert scaled(product(Number(2), X, Number(-1), Y)) == (-2, (X, Y))
    assert scaled(Number(3)) == (3, ())


def test_long_expressions_are_cut_for_messages() -> None:
    e: Expression = X
    for _ in range(40):
        e = call("tanh", e)
    assert len(shown(e)) == 100
    assert shown(e).endswith("...")
