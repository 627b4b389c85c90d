"""The inputs of a self-test are those of selftest.c, in however many pieces they are made."""

from __future__ import annotations

import pytest

from harness.export.check import CHUNK, MIX, numbers


def mixed(place: int, seed: int) -> int:
    """As selftest.c computes it, in numbers without end."""
    found = (place * MIX[0] + seed) % 2**32
    found ^= found >> 15
    found = found * MIX[1] % 2**32
    return found ^ found >> 13


@pytest.mark.parametrize(("seed", "largest", "exponent"), [(0, 5, 0), (3, 85, -4), (7, 1, 6)])
def test_numbers_of_several_pieces(seed: int, largest: int, exponent: int) -> None:
    found = numbers(CHUNK + 9, seed, largest, exponent)
    for place in (*range(9), *range(CHUNK - 9, CHUNK + 9)):
        drawn = mixed(place, seed)
        expected = (1 + (drawn >> 1) % largest) * 2.0**exponent
        assert found[place] == (-expected if drawn & 1 else expected)
