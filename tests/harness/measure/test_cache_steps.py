from __future__ import annotations

import pytest

from harness.measure.cache_steps import LARGEST, Curve, curve_sizes, effective_levels, found_sizes

KIB, MIB = 1 << 10, 1 << 20


def curve(*steps: tuple[int, float]) -> Curve:
    """Constant rates up to each size, two working sets an octave from 8 KiB to 128 MiB."""
    sizes = [int(8 * KIB * 2 ** (n / 2)) for n in range(29)]
    rates = [next((rate for end, rate in steps if size <= end), steps[-1][1]) for size in sizes]
    return Curve(tuple(sizes), tuple(rates))


GUEST = curve((48 * KIB, 370e9), (2 * MIB, 150e9), (16 * MIB, 30e9), (10**12, 15.8e9))


def test_a_guest_does_not_own_the_sockets_cache() -> None:
    levels = effective_levels(GUEST, [48 * KIB, 2 * MIB, 260 * MIB])
    assert levels[0].bytes <= 48 * KIB and levels[0].rate == 370e9
    assert MIB < levels[1].bytes <= 2 * MIB and levels[1].rate == 150e9
    assert levels[2].bytes == pytest.approx(16 * MIB, rel=0.01) and levels[2].rate == 30e9


def test_a_noisy_sample_moves_no_border() -> None:
    rates = list(GUEST.rates)
    rates[10] /= 3
    levels = effective_levels(Curve(GUEST.sizes, tuple(rates)), [48 * KIB, 2 * MIB, 260 * MIB])
    assert levels == effective_levels(GUEST, [48 * KIB, 2 * MIB, 260 * MIB])


def test_levels_that_cannot_be_told_apart_keep_what_is_told() -> None:
    flat = curve((32 * KIB, 140e9), (8 * MIB, 80e9), (10**12, 20e9))
    levels = effective_levels(flat, [32 * KIB, 512 * KIB, 32 * MIB])
    assert levels[1].bytes == 512 * KIB
    assert levels[2].bytes == pytest.approx(8 * MIB, rel=0.01)


def test_no_level_is_larger_than_told() -> None:
    levels = effective_levels(GUEST, [32 * KIB, MIB, 8 * MIB])
    assert [level.bytes for level in levels] <= [32 * KIB, MIB, 8 * MIB]
    assert levels[2].bytes == 8 * MIB


def test_steps_are_found_where_nothing_is_told() -> None:
    sizes = found_sizes(GUEST)
    assert len(sizes) == 3
    for found, true in zip(sizes, (48 * KIB, 2 * MIB, 16 * MIB), strict=True):
        assert true / 1.5 <= found <= true


def test_working_sets_hold_whole_vectors() -> None:
    sizes = curve_sizes()
    assert sizes[0] == 8 << 10 and sizes[-1] <= LARGEST
    assert all(size % 512 == 0 for size in sizes) and list(sizes) == sorted(set(sizes))
