"""Rounds for what a problem's own statements could hide."""

from __future__ import annotations

import numpy as np

from compiler.problem.specification import primitive_from
from harness.kernel.expectation import computed
from harness.kernel.problem_data import Round
from harness.kernel.verify import FACTOR, Verified, compared
from tests.compiler.problem.chains import SOFTMAX


def _softmax(one: Round, top_of: slice = slice(None)) -> Verified | object:
    """What a float32 softmax makes of a round that takes its maxima of some columns alone."""
    x = one.inputs.values("x")
    e = np.exp(x - x[:, top_of].max(axis=1, keepdims=True))
    return compared({"y": e / e.sum(axis=1, keepdims=True)}, one, FACTOR)


def test_a_softmax_meets_values_that_are_far_apart() -> None:
    float_round, *planted = computed(primitive_from(SOFTMAX), seed=0).rounds
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
        assert all(np.isfinite(values).all() for values in one.expected.values())
