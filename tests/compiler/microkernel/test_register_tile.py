"""Register tiles: what they hold, what a step costs, which are kept."""

from __future__ import annotations

from dataclasses import replace

import pytest

from compiler.microkernel.register_tile import (
    MOST_LOADS,
    RegisterTile,
    dividing_tile,
    register_tiles_of,
)
from compiler.problem.architecture import Architecture
from tests.compiler.machines import AVX2, AVX512, MACHINES, NEON


def test_registers() -> None:
    assert RegisterTile(6, 2).registers(embedded_broadcast=False) == 12 + 2 + 1
    assert RegisterTile(3, 4).registers(embedded_broadcast=False) == 12 + 3 + 1
    assert RegisterTile(7, 4).registers(embedded_broadcast=True) == 28 + 4 + 1  # one scalar's own
    assert RegisterTile(4, 6).registers(embedded_broadcast=True) == 24 + 4 + 1
    assert RegisterTile(28, 1).registers(embedded_broadcast=True) == 28 + 1
    assert RegisterTile(28, 1).registers(embedded_broadcast=False) == 28 + 1 + 1


def test_a_step_takes_no_less_than_its_longest_bound_and_no_more_than_a_norm_of_all() -> None:
    slow = replace(AVX512, loads_per_cycle=1.1)
    for tile, bounds in (
        (RegisterTile(7, 4), (14, 11 / 1.1, 4)),  # multiply-adds: 28 at two a cycle
        (RegisterTile(14, 1), (7, 15 / 1.1, 4)),  # one vector, 14 scalars
        (RegisterTile(14, 2), (14, 16 / 1.1, 4)),  # at the crossing of both
        (RegisterTile(1, 1), (0.5, 2 / 1.1, 4)),  # the latency of one multiply-add
    ):
        norm = sum(bound**4 for bound in bounds) ** 0.25
        assert max(bounds) <= tile.cycles(slow) == pytest.approx(norm)
    assert RegisterTile(6, 4).cycles(NEON) < RegisterTile(6, 4).cycles(
        AVX512
    )  # four pipes, not two


def test_where_loads_are_dear_square_tiles_win() -> None:
    def ratio(loads: float) -> float:
        machine = replace(AVX512, loads_per_cycle=loads)
        return RegisterTile(14, 2).rate(machine) / RegisterTile(6, 4).rate(machine)

    assert ratio(1.1) < 0.95  # 16 loads for 28 multiply-adds against 10 for 24
    assert 0.98 < ratio(3.0) < 1.02


def test_the_load_rate_is_what_explains_a_measured_step() -> None:
    for loads in (0.9, 1.1, 1.6, 2.0, 3.0):
        machine = replace(AVX512, loads_per_cycle=loads)
        for tile in (RegisterTile(24, 1), RegisterTile(12, 1), RegisterTile(6, 2)):
            assert tile.loads_per_cycle(AVX512, tile.cycles(machine)) == pytest.approx(loads)
    assert RegisterTile(24, 1).loads_per_cycle(AVX512, 12.0) == MOST_LOADS  # multiply-adds alone


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
    assert {RegisterTile(6, 4), RegisterTile(9, 3), RegisterTile(5, 5)} <= set(wide)
    assert RegisterTile(7, 4) not in wide  # 28 accumulators, 4 vectors and a scalar: 33 of 32
    narrow = register_tiles_of(AVX2, 3136, 8)
    assert {RegisterTile(6, 2), RegisterTile(3, 4)} <= set(narrow)
    assert max(tile.accumulators for tile in narrow) <= 14


def test_a_dividing_tile_leaves_no_remainder() -> None:
    assert dividing_tile(AVX512, 56, 4) == RegisterTile(14, 2)
    assert dividing_tile(AVX512, 13, 3) == RegisterTile(13, 1)
    for points, vectors in ((28, 8), (7, 2), (12, 6), (1, 1)):
        tile = dividing_tile(AVX2, points, vectors)
        assert points % tile.points == 0 and vectors % tile.vectors == 0
        assert tile.registers(AVX2.embedded_broadcast) <= AVX2.vector_registers


def test_further_loads_take_their_share_of_a_step() -> None:
    tile = RegisterTile(6, 4)
    steps = [tile.cycles(AVX512, more=more) for more in (0, 1, 30)]
    assert steps[0] < steps[1] < steps[2] and steps[1] < 1.01 * steps[0]
