from __future__ import annotations

import random
from math import exp, log, sqrt

import pytest

from harness.analysis.intervals import (
    Interval,
    geometric_mean,
    of_processes,
    process_quotient,
    quotient,
)


def test_deviations_add_up_as_squares_on_a_logarithmic_scale() -> None:
    one, other = Interval(2.0, 1.9, 2.2), Interval(4.0, 3.6, 4.1)
    found = quotient(one, other)
    assert found.value == pytest.approx(0.5)
    below = sqrt(log(2.0 / 1.9) ** 2 + log(4.1 / 4.0) ** 2)
    above = sqrt(log(2.2 / 2.0) ** 2 + log(4.0 / 3.6) ** 2)
    assert found.low == pytest.approx(0.5 * exp(-below))
    assert found.high == pytest.approx(0.5 * exp(above))
    back = quotient(other, one)
    assert (back.low, back.high) == pytest.approx((1 / found.high, 1 / found.low))


def test_a_mean_of_equals_is_narrower_than_each() -> None:
    one = Interval(2.0, 2.0 / 1.04, 2.0 * 1.04)
    mean = geometric_mean([one] * 4)
    assert mean.value == pytest.approx(2.0)
    assert (mean.low, mean.high) == pytest.approx((2 / 1.04**0.5, 2 * 1.04**0.5))
    many = geometric_mean([Interval(1e6, 0.9e6, 1.1e6)] * 1000)  # their product is no float
    assert many.value == pytest.approx(1e6)


def test_processes_give_students_interval() -> None:
    found = of_processes([exp(x) for x in (-0.1, 0.0, 0.1)])
    assert found is not None and found.value == pytest.approx(1.0)
    assert log(found.high) == pytest.approx(4.302653 * 0.1 / sqrt(3), rel=1e-5)  # t(2, 0.975)
    assert of_processes([1.0]) is None
    alike = of_processes([2.0, 2.0])
    assert alike is not None and alike.low == alike.high == pytest.approx(2.0)


def test_two_sides_of_processes_give_welchs() -> None:
    one, other = ([exp(x + shift) for x in (-0.1, 0.0, 0.1)] for shift in (0.0, 1.0))
    found = process_quotient(one, other)
    assert found is not None and found.value == pytest.approx(exp(-1.0))
    assert log(found.high) + 1 == pytest.approx(2.776445 * 0.1 * sqrt(2 / 3), rel=1e-5)  # t(4)
    assert process_quotient([1.0], [1.0, 1.1]) is None
    same = process_quotient([2.0, 2.0], [1.0, 1.0])
    assert same is not None and (same.low, same.high) == pytest.approx((2.0, 2.0))


def test_intervals_of_equals_rarely_lie_beyond_the_threshold() -> None:
    """Processes that pages move by 5 %: equal kernels are not told apart by 3 %."""
    dice = random.Random(0)
    beyond = 0
    for _ in range(2000):
        sides = [[exp(dice.gauss(0, 0.05)) for _ in range(3)] for _ in range(2)]
        found = process_quotient(sides[0], sides[1])
        assert found is not None
        beyond += found.high < 0.97
    assert beyond < 2000 * 0.025
