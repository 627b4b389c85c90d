"""Values of indices and unions of their products, against sets of numbers."""

from __future__ import annotations

from itertools import product
from math import prod
from random import Random

import pytest

from compiler.cost.index_values import Progressions, Values, holds, merged, size, union_size


def _numbers(values: Progressions) -> set[int]:
    spans = (range(0, step * count, step) for step, count in values)
    return {sum(parts) for parts in product(*spans)}


def _random_terms(random: Random) -> Progressions:
    terms = random.randint(0, 3)
    return tuple((random.randint(1, 12), random.randint(1, 6)) for _ in range(terms))


@pytest.mark.parametrize("seed", range(60))
def test_the_shortest_form_has_the_same_values(seed: int) -> None:
    terms = _random_terms(Random(seed))
    expected = _numbers(terms)
    found = merged(terms)
    assert _numbers(found) == expected
    assert size(found) == len(expected)
    for value in range(-2, 80):
        assert holds(found, value) == (value in expected)


def test_progressions_that_continue_each_other_are_one() -> None:
    assert merged(((16, 4), (1, 16), (64, 3))) == ((1, 192),)
    assert merged(((2, 10), (1, 3))) == ((1, 21),)
    assert merged(((3, 4), (1, 2))) == ((1, 2), (3, 4))
    assert merged(((5, 1),)) == ()


@pytest.mark.parametrize("seed", range(60))
def test_unions_of_products_are_counted_point_by_point(seed: int) -> None:
    random = Random(seed)
    dimensions = random.randint(0, 3)
    pool: list[Values] = [
        (random.randint(0, 9), merged(_random_terms(random)[:2])) for _ in range(4)
    ]
    products = tuple(
        tuple(random.choice(pool) for _ in range(dimensions)) for _ in range(random.randint(1, 4))
    )
    points = {
        point
        for one in products
        for point in product(*({first + n for n in _numbers(v)} for first, v in one))
    }
    assert union_size(products) == len(points)


def test_large_ranges_are_counted_without_their_values() -> None:
    long: Values = (0, ((1, 10**12),))
    assert union_size((((0, ((3, 5),)), long), ((1, ((3, 5),)), long))) == 10 * 10**12
    assert size(merged(((10**6, 10**6), (1, 10**6)))) == prod((10**6, 10**6))
