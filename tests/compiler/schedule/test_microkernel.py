"""Register tiles: what they hold, what a step costs, which are kept."""

from __future__ import annotations

import pytest

from compiler.problem.architecture import Architecture
from compiler.schedule.microkernel import (
    LOADS_PER_CYCLE,
    RegisterTile,
    dividing_tile,
    register_tiles_of,
)
from tests.compiler.machines import AVX2, AVX512, MACHINES, NEON


def test_registers() -> None:
    assert RegisterTile(6, 2).registers(embedded_broadcast=False) == 12 + 2 + 1
    assert RegisterTile(3, 4).registers(embedded_broadcast=False) == 12 + 3 + 1
    assert RegisterTile(7, 4).registers(embedded_broadcast=True) == 28 + 4
    assert RegisterTile(28, 1).registers(embedded_broadcast=True) == 29


def test_cycles_are_the_longest_of_three() -> None:
    assert RegisterTile(7, 4).cycles(AVX512) == 14  # multiply-adds: 28 at two a cycle
    assert RegisterTile(14, 1).cycles(AVX512) == 15 / LOADS_PER_CYCLE  # one vector, 14 scalars
    assert RegisterTile(2, 2).cycles(AVX512) == 4  # the latency of one multiply-add
    assert RegisterTile(6, 4).cycles(NEON) == 6  # four multiply-adds a cycle


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
@pytest.mark.parametrize(("points", "vectors"), [(3136, 8), (49, 64), (1, 4), (1, 1), (7, 1)])
def test_kept_tiles_fit_and_are_near_the_best(
    machine: Architecture, points: int, vectors: int
) -> None:
    tiles = register_tiles_of(machine, points, vectors)
    rates = [tile.accumulators / tile.cycles(machine) for tile in tiles]
    assert tiles
    assert len(set(tiles)) == len(tiles)
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] >= 0.6 * rates[0]
    for tile in tiles:
        assert tile.registers(machine.embedded_broadcast) <= machine.vector_registers
        assert 1 <= tile.points <= points
        assert 1 <= tile.vectors <= vectors


def test_the_best_tiles_of_two_vector_units() -> None:
    wide = register_tiles_of(AVX512, 3136, 8)
    assert RegisterTile(7, 4) in wide  # 28 accumulators and 4 vectors fill 32 registers
    assert RegisterTile(8, 4) not in wide
    narrow = register_tiles_of(AVX2, 3136, 8)
    assert {RegisterTile(6, 2), RegisterTile(3, 4)} <= set(narrow)
    assert max(tile.accumulators for tile in narrow) <= 14


def test_a_dividing_tile_leaves_no_remainder() -> None:
    assert dividing_tile(AVX512, 56, 4) == RegisterTile(7, 4)
    assert dividing_tile(AVX512, 13, 3) == RegisterTile(13, 1)
    for points, vectors in ((28, 8), (7, 2), (12, 6), (1, 1)):
        tile = dividing_tile(AVX2, points, vectors)
        assert points % tile.points == 0 and vectors % tile.vectors == 0
        assert tile.registers(AVX2.embedded_broadcast) <= AVX2.vector_registers
