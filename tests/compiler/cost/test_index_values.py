"""Values of indices and unions of their products, against sets of numbers."""

from __future__ import annotations

from itertools import product
from math import prod
from random import Random

import pytest

from compiler.cost.index_values import (
    IndexValues,
    Progressions,
    TooWide,
    holds,
    merged,
    size,
    union_size,
)


def _numbers(values: Progressions) -> set[int]:
    spans = (range(0, step * count, step) for step, count in values)
    return {sum(parts) for parts in product(*spans)}


def _random_terms(random: Random) -> Progressions:
    terms = random.randint(0, 4)
    return tuple((random.randint(1, 12), random.randint(1, 6)) for _ in range(terms))


@pytest.mark.parametrize("seed", range(200))
def test_the_shortest_form_has_the_same_values(seed: int) -> None:
    terms = _random_terms(Random(seed))
    expected = _numbers(terms)
    found = merged(terms)
    assert _numbers(found) == expected
    assert size(found) == len(expected)
    for value in range(-2, 240):
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
    ranges = seed % 3 == 0
    pool: list[IndexValues] = [
        (
            random.randint(0, 9),
            ((1, random.randint(2, 9)),) if ranges else merged(_random_terms(random)[:2]),
        )
        for _ in range(4)
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
    long: IndexValues = (0, ((1, 10**12),))
    assert union_size((((0, ((3, 5),)), long), ((1, ((3, 5),)), long))) == 10 * 10**12
    assert size(merged(((10**6, 10**6), (1, 10**6)))) == prod((10**6, 10**6))


def test_wide_values_are_counted_in_closed_form_or_refused() -> None:
    assert size(merged(((10**9, 10**9), (7, 1000), (1, 3)))) == 3 * 10**12
    assert size(((3, 10**9), (5, 10**9))) == 10**18 - (10**9 - 5) * (10**9 - 3)
    assert holds(((1, 3), (10**9, 10**9)), 5 * 10**9 + 2)
    assert not holds(((1, 3), (10**9, 10**9)), 5 * 10**9 + 3)
    assert not holds(((1, 3), (10**9, 10**9)), 10**18 + 1)
    one, other = (0, ((1, 10**12),)), (10**11, ((1, 10**12),))
    assert union_size(((one,), (other,))) == 11 * 10**11
    with pytest.raises(TooWide, match=r"spreads over 40000004 values; 2\*\*25 are analysed"):
        union_size((((0, ((4, 10**7),)),), ((7, ((4, 10**7),)),), ((10, ((3, 10),)),)))
    with pytest.raises(TooWide):
        size(((4, 10**7), (5, 10**7), (7, 10**7)))
