"""Rounds for what a problem's own statements could hide."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from compiler.problem.specification import primitive_from
from compiler.schedule.layout import Array
from harness.kernel.expectation import computed
from harness.kernel.problem_data import Round
from harness.kernel.verify import FACTOR, Verified, compared
from tests.compiler.problem.chains import SOFTMAX

Curve = Callable[[Array], Array]


def _softmax(one: Round, top_of: slice = slice(None)) -> Verified | object:
    """What a float32 softmax makes of a round that takes its maxima of some columns alone."""
    x = one.inputs.values("x")
    e = np.exp(x - x[:, top_of].max(axis=1, keepdims=True))
    return compared({"y": e / e.sum(axis=1, keepdims=True)}, one, FACTOR)


def test_a_softmax_meets_values_that_are_far_apart() -> None:
    float_round, *planted, far = computed(primitive_from(SOFTMAX), seed=0).rounds
    assert far.kind == "far" and isinstance(_softmax(far), Verified)
    assert {one.kind for one in planted} == {"planted"}
    assert all(isinstance(_softmax(one), Verified) for one in (float_round, *planted))
    with np.errstate(over="ignore", invalid="ignore"):
        for rest in (slice(1, None), slice(0, -1), slice(0, 1)):
            assert isinstance(_softmax(float_round, rest), Verified)
            assert not all(isinstance(_softmax(one, rest), Verified) for one in planted)


def test_no_round_asks_for_what_float32_cannot_hold() -> None:
    spec = {
        "name": "exp_of_maximum",
        "sizes": {"i": 3, "j": 4},
        "tensors": {"x": ["i", "j"], "top": ["i"], "y": ["i"]},
        "statements": ["top[i] = max(top[i], x[i,j])", "y[i] = exp(top[i])"],
    }
    for one in computed(primitive_from(spec), seed=0).rounds:
        for name, values in one.expected.items():
            asked = np.isfinite(one.scale[name]) if name in one.scale else np.True_
            assert one.kind == "far" or np.isfinite(values[asked]).all()


def _quotient(x: Array, exp: Curve) -> Array:
    return (exp(x) - np.float32(1)) / (exp(x) + np.float32(1))


CURVES: dict[str, tuple[Callable[[Array, Curve], Array], tuple[float, ...]]] = {
    # of x and exp, and where exp must not be cut off
    "y[i] = exp(x[i])": (lambda x, exp: exp(x), (20, 60, 88)),
    "y[i] = 1 / (1 + exp(-x[i]))": (lambda x, exp: np.float32(1) / (1 + exp(-x)), (20, 60)),
    "y[i] = x[i] / (1 + exp(-x[i]))": (lambda x, exp: x / (1 + exp(-x)), (20, 60, 88)),
    "y[i] = (exp(x[i]) - 1) / (exp(x[i]) + 1)": (_quotient, ()),
}


@pytest.mark.parametrize("statement", CURVES)
def test_arguments_lie_beyond_what_float32_holds(statement: str) -> None:
    spec = {
        "name": "curve",
        "sizes": {"i": 2000},
        "tensors": {"x": ["i"], "y": ["i"]},
        "statements": [statement],
    }
    rounds = computed(primitive_from(spec), seed=0).rounds
    others = [one for one in rounds if one.kind != "far"]
    far = [one for one in rounds if one.kind == "far"]
    assert far and all(np.isfinite(one.scale["y"]).mean() > 0.5 for one in far)
    curve, wrong = CURVES[statement]
    with np.errstate(all="ignore"):
        for ends in (20, 60, 88, 89, 200):
            exp = _cut_off(ends)
            for some, right in ((others, True), (far, ends not in wrong)):
                found = [
                    compared({"y": curve(one.inputs.values("x"), exp)}, one, FACTOR) for one in some
                ]
                assert all(isinstance(one, Verified) for one in found) is right, (ends, found)


def _cut_off(ends: float) -> Curve:
    return lambda x: np.exp(np.clip(x, -104, np.float32(ends)), dtype=np.float32)


def test_every_element_meets_both_ends_of_a_clip() -> None:
    spec = {
        "name": "clip",
        "sizes": {"i": 40},
        "tensors": {"x": ["i"], "y": ["i"]},
        "statements": ["y[i] = min(max(x[i], -1), 6)"],
    }
    far = [one for one in computed(primitive_from(spec), seed=0).rounds if one.kind == "far"]
    met = np.stack([one.inputs.values("x") for one in far])
    assert (met > 7).any(axis=0).all() and (met < -2).any(axis=0).all()
    assert all(not one.scale for one in far)  # compared with ==
