"""Register tiles of statements whose operands all lie along the lanes."""

from __future__ import annotations

from typing import Any

import pytest

from compiler.model.loop_nest import loop_nest
from compiler.problem.primitive import Primitive
from compiler.space.lane_schedules import lane_schedules
from tests.compiler.machines import AVX512
from tests.compiler.problem.lines import primitive_of

SIZES = {"i": 60, "j": 640, "k": 7}


def nest(tensors: dict[str, list[str]], statement: str, **more: Any) -> Primitive:
    return loop_nest(primitive_of(SIZES, tensors, statement, **more)).nest


def test_what_taps_do_not_move_has_registers_too() -> None:
    """gcc loads it before the taps; with 28 accumulators as many vectors were spilled."""
    summed = nest(
        {"x": ["i", "j", "k"], "w": ["j", "i"], "y": ["i", "j"]}, "y[i,j] += abs(x[i,j,k] - w[j,i])"
    )
    tiles = {schedule.band.tile for schedule in lane_schedules(summed, AVX512, 1)}
    accumulators = {dict(tile).get("i", 1) * dict(tile).get("j", 1) for tile in tiles}
    assert max(accumulators) == 14


@pytest.mark.parametrize(
    ("statement", "most"),
    [("y[i,j] = x[i,j] / (1 + w[j])", 1), ("y[i,j] = x[i,j] * exp(w[j])", 14)],
)
def test_rows_at_once_share_work(statement: str, most: int) -> None:
    plain = nest({"x": ["i", "j"], "w": ["j"], "y": ["i", "j"]}, statement, plain=["x", "y"])
    rows = {dict(s.band.tile).get("i", 1) for s in lane_schedules(plain, AVX512, 1)}
    assert max(rows) in (most, most - 2)  # tiles are balanced


def test_a_tile_without_shared_work_is_one_row() -> None:
    """Points of a blocked layout follow one another; blocks of it lie apart."""
    free = nest({"x": ["i", "j"], "w": ["j"], "y": ["i", "j"]}, "y[i,j] = x[i,j] - w[j]")
    tiles = {s.band.tile for s in lane_schedules(free, AVX512, 1) if s.band.vector[0] == "i"}
    assert any(dict(tile).get("j", 1) > 1 for tile in tiles)
    assert all(dict(tile)["i"] == 1 for tile in tiles)


@pytest.mark.parametrize("pad", [0, 1])
def test_a_deconvolution_has_points_along_its_columns(pad: int) -> None:
    statement = f"y[k, 2*h + a - {pad}, 2*w + b - {pad}] += x[c,h,w] * v[c,k,a,b]"
    tensors = {"x": ["c", "h", "w"], "v": ["c", "k", "a", "b"], "y": ["k"]}
    tensors["y"] += [str(18 - 2 * pad), str(30 - 2 * pad)]
    sizes = {"k": 32, "c": 16, "h": 8, "w": 14, "a": 4, "b": 4}
    found = lane_schedules(loop_nest(primitive_of(sizes, tensors, statement)).nest, AVX512, 1)
    tiles = {s.band.tile for s in found if s.band.vector == ("k", 16)}
    assert {dict(tile).get("w", 1) for tile in tiles} >= {1, 7, 14}
    assert pad == 0 or {s.band.vector[0] for s in found} == {"k"}
