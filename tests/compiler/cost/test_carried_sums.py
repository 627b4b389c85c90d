"""What a loop carries in a sum of loops, against all pairs of iterations."""

from __future__ import annotations

from itertools import product
from random import Random

import pytest

from compiler.cost.carried_sums import Iteration, Terms, carried_sum


def _sinks(terms: Terms) -> dict[Iteration, list[Iteration]]:
    """By source, the iterations with the same sum and a larger first loop."""
    points = list(product(*(range(extent) for _, extent in terms)))
    sums = {x: sum(c * at for (c, _), at in zip(terms, x, strict=True)) for x in points}
    pairs = {x: [y for y in points if y[0] > x[0] and sums[y] == sums[x]] for x in points}
    return {x: later for x, later in pairs.items() if later}


def _random_terms(random: Random) -> Terms:
    count = random.randint(2, 4)
    largest = 8 if count == 2 else 5
    return tuple((random.randint(1, 6), random.randint(1, largest)) for _ in range(count))


@pytest.mark.parametrize("seed", range(60))
def test_sources_and_sinks_are_those_of_all_pairs(seed: int) -> None:
    terms = _random_terms(Random(seed))
    sinks = _sinks(terms)
    found = carried_sum(terms)
    if found is None:
        assert not sinks
        return
    inside = {x for box in found.sources for x in product(*(range(lo, hi + 1) for lo, hi in box))}
    assert inside == set(sinks)
    first = min(sinks)
    assert found.first_sink == min(sinks[first])
    assert found.last_sink == max(sinks[first])


def test_a_window_moves_back_when_its_output_moves_on() -> None:
    """2*oh + kh over 10 outputs and 3 taps: oh + 1 and kh - 2."""
    found = carried_sum(((2, 10), (1, 3)))
    assert found is not None
    assert found.sources == (((0, 8), (2, 2)),)
    assert found.first_sink == found.last_sink == (1, 0)


def test_tiles_of_a_window_have_two_smallest_moves() -> None:
    """7*oh@1 + oh + kh: the next tile is reached from the last two rows of this one."""
    found = carried_sum(((7, 4), (1, 7), (1, 3)))
    assert found is not None
    assert set(found.sources) == {
        ((0, 2), (6, 6), (1, 2)),
        ((0, 2), (5, 6), (2, 2)),
    }


def test_digits_of_one_loop_carry_nothing() -> None:
    assert carried_sum(((16, 4), (1, 16))) is None
    assert carried_sum(((1, 16), (16, 4))) is None
    assert carried_sum(((15, 4), (1, 16))) is not None
