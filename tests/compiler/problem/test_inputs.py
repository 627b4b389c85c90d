"""Inputs: seeded, never zero, integers, winners of maxima planted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from compiler.problem.inputs import (
    Planting,
    integer_inputs,
    planted_rounds,
    plantings,
    random_inputs,
)
from compiler.problem.specification import primitive_from
from tests.compiler.problem.operators import MAX_POOL, conv2d


def test_inputs_are_seeded_by_name_and_never_zero() -> None:
    primitive = primitive_from(conv2d())
    one, two = random_inputs(primitive, 3), random_inputs(primitive, 3)
    assert all((one[name] == two[name]).all() for name in one)
    assert all(((abs(v) >= 0.5) & (abs(v) <= 1.5)).all() for v in one.values())
    assert (random_inputs(primitive, 4)["data"] != one["data"]).any()


@pytest.mark.parametrize("largest", [1, 5, 127, 128, 40000, 2**24 - 1])
def test_integers_have_both_signs_and_no_zero(largest: int) -> None:
    primitive = primitive_from(conv2d(ic=40, ih=30))
    one = integer_inputs(primitive, largest, 3, 1, frozenset())["data"]
    other = integer_inputs(primitive, largest, 3, 1, frozenset({"data"}))["data"]
    assert one.dtype.kind == "i" and (one != 0).all()
    assert one.min() < -0.9 * largest and one.max() > 0.9 * largest
    assert abs(one.astype(np.int64)).max() <= largest
    assert (other == -one).all()
    assert (integer_inputs(primitive, largest, 3, 2, frozenset())["data"] != one).any()


def test_each_tap_wins_in_every_output() -> None:
    """With strides and dilation, where a window has taps between others."""
    spec: dict[str, Any] = {**MAX_POOL, "sizes": {**MAX_POOL["sizes"], "dilation": 2, "ih": 12}}
    primitive = primitive_from(spec)
    (planting,) = plantings(primitive)
    sizes, extents = dict(primitive.sizes), dict(primitive.extents)
    taps = [(kh, kw) for kh in range(sizes["kh"]) for kw in range(sizes["kw"])]
    assert planting.taps == len(taps) == planted_rounds(primitive) == 6
    winners: dict[tuple[int, int], list[tuple[int, int]]] = {
        (oh, ow): [] for oh in range(1, extents["oh"] - 1) for ow in range(1, extents["ow"] - 1)
    }
    for tap in range(planting.taps):
        won = planting.winners(primitive.tensor("data").shape, tap)[0, 1]
        for (oh, ow), found in winners.items():
            at = [(oh * 2 + kh * 2 - 1, ow * 2 + kw * 2 - 1) for kh, kw in taps]
            (winner,) = (tap for tap, where in zip(taps, at, strict=True) if won[where])
            found.append(winner)
    assert winners and all(sorted(found) == taps for found in winners.values())


@pytest.mark.parametrize("maximum", [True, False])
def test_winners_win_with_the_losers_sign_too(maximum: bool) -> None:
    """Where a maximum that starts at 0 would be 0."""
    planting = Planting("x", maximum, ((1, 1), (1, 4)))
    random = np.random.default_rng(0)
    for values in (random.integers(1, 100, (40, 4), np.int8), random.random((40, 4)) + 0.5):
        for tap in range(planting.taps):
            win = planting.winners(values.shape, tap)
            found = planting.planted(values, tap, below=True)
            assert found.dtype == values.dtype
            assert np.abs(found).max() <= values.max()
            assert (found < 0).all() if maximum else (found > 0).all()
            best = found.max(axis=1) if maximum else found.min(axis=1)
            assert (best == found[win]).all()


def test_a_long_maximum_has_its_taps_dealt_out() -> None:
    spec = {
        "name": "global_max",
        "sizes": {"n": 2, "c": 40, "h": 9, "w": 9},
        "tensors": {"x": ["n", "c", "h", "w"], "y": ["n", "c"]},
        "statements": ["y[n,c] = max(y[n,c], x[n,c,h,w])"],
    }
    primitive = primitive_from(spec)
    (planting,) = plantings(primitive)
    won = np.zeros((9, 9), bool)
    for number in range(planted_rounds(primitive)):
        winners = planting.winners(
            (2, 40, 9, 9), number * (planting.taps // planted_rounds(primitive))
        )
        assert (winners.sum(axis=(2, 3)) == 1).all()
        won |= winners.any(axis=(0, 1))
    assert planted_rounds(primitive) == 16 and won.all()
