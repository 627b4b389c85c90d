"""Bounds of rounding errors: an error of an argument passes through the derivative."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from compiler.problem.dtypes import EPS
from compiler.problem.evaluation import (
    ULPS,
    Array,
    Lookup,
    in_range,
    is_curved,
    magnitude_of,
    rounding_of,
    value_of,
)
from compiler.problem.primitive import Access, Affine, Call, Expression, Number, Read

POINTS = np.linspace(0.25, 2.5, 10)
STEP = 1e-6


def test_a_format_holds_no_smaller_and_no_larger_values() -> None:
    held = in_range(2.0**-4, 2.0**4)
    values = np.array([2.0**-5, -(2.0**-4), 0.0, 16.0, 17.0, -17.0, -np.inf, np.nan])
    wanted = [0.0, -(2.0**-4), 0.0, 16.0, np.inf, -np.inf, -np.inf, np.nan]
    np.testing.assert_array_equal(held(values), wanted)
    quotient = Call("div", (Number(1.0), Call("mul", (_read("x"), _read("x")))))
    found = value_of(quotient, _of(x=np.array([3.0, 5.0])), held)
    np.testing.assert_array_equal(found, [1 / 9, 0.0])  # 25 is infinite there


def _read(name: str) -> Read:
    return Read(Access(name, (Affine((("i", 1),)),)))


def _of(**arrays: Array) -> Lookup:
    return lambda access: arrays[access.tensor]


def _slope(expression: Expression, name: str, **arrays: Array) -> Array:
    """|derivative| with respect to one of the tensors."""
    above, below = (
        value_of(expression, _of(**{**arrays, name: arrays[name] + step})) for step in (STEP, -STEP)
    )
    return np.asarray(np.abs(above - below) / (2 * STEP))


@pytest.mark.parametrize("function", ["exp", "sqrt", "tanh", "erf"])
@pytest.mark.parametrize("bound", [magnitude_of, rounding_of])
def test_an_error_passes_through_the_slope(
    function: str, bound: Callable[[Expression, Lookup, Lookup], Array]
) -> None:
    """A function adds its value, times its ulps where roundings are counted."""
    call = Call(function, (_read("x"),))
    error = 0.1 * POINTS
    own = ULPS[function] if bound is rounding_of else 1.0
    wanted = own * value_of(call, _of(x=POINTS)) + _slope(call, "x", x=POINTS) * error
    assert bound(call, _of(x=POINTS), _of(x=error)) == pytest.approx(wanted, rel=1e-6)
    assert is_curved(call)


@pytest.mark.parametrize("bound", [magnitude_of, rounding_of])
def test_a_root_of_nothing_is_bounded(
    bound: Callable[[Expression, Lookup, Lookup], Array],
) -> None:
    """Where the slope is infinite an error of e makes one of at most sqrt(e), all in eps."""
    found = bound(Call("sqrt", (_read("x"),)), _of(x=np.zeros(1)), _of(x=np.array([0.25])))
    assert EPS * found == pytest.approx(np.sqrt(0.25 * EPS))


@pytest.mark.parametrize("function", ["add", "sub", "mul", "div"])
def test_rounding_of_operations(function: str) -> None:
    call = Call(function, (_read("x"), _read("y")))
    arrays = {"x": POINTS, "y": -POINTS[::-1]}
    errors = {"x": 0.1 * POINTS, "y": 0.3 * POINTS}
    wanted = np.abs(value_of(call, _of(**arrays)))
    for name, error in errors.items():
        wanted = wanted + _slope(call, name, **arrays) * error
    assert rounding_of(call, _of(**arrays), _of(**errors)) == pytest.approx(wanted, rel=1e-6)


def test_a_number_rounds_where_float32_does_not_hold_it() -> None:
    nothing = _of()
    assert rounding_of(Number(0.375), nothing, nothing) == 0
    assert rounding_of(Number(-0.1), nothing, nothing) == pytest.approx(0.1)


def test_choices_and_signs_round_nothing() -> None:
    x, y = _of(x=POINTS, y=-POINTS), _of(x=0.1 * POINTS, y=0.3 * POINTS)
    for function, error in (("neg", 0.1), ("abs", 0.1), ("max", 0.3), ("min", 0.3)):
        names = ("x",) if function in ("neg", "abs") else ("x", "y")
        call = Call(function, tuple(map(_read, names)))
        assert rounding_of(call, x, y) == pytest.approx(error * POINTS)
        assert not is_curved(call)
