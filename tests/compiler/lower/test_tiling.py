"""Levels partition their loop, finer ones refine coarser ones, sizes are balanced."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.errors import ScheduleError
from compiler.lower.tiling import Level, balanced, levels, register_tiles
from compiler.model.loop_nest import loop_nest
from compiler.problem.primitive import Primitive
from compiler.problem.specification import primitive_from
from compiler.schedule.schedule import Schedule, depth_of, parse_schedule
from tests.compiler.problem.operators import conv2d, matmul
from tests.compiler.schedule.random_schedules import random_schedule


@given(st.integers(1, 2000), st.integers(1, 300))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_balanced_covers_exactly(count: int, limit: int) -> None:
    runs = balanced(count, limit)
    sizes = [size for pieces, size in runs for _ in range(pieces)]
    assert sum(sizes) == count
    assert max(sizes) <= limit
    assert max(sizes) - min(sizes) <= 1
    assert sizes == sorted(sizes, reverse=True)
    assert len(sizes) == -(-count // limit)  # no more pieces than needed
    assert all(pieces > 0 for pieces, _ in runs)


@given(st.integers(1, 400), st.integers(1, 16), st.integers(1, 9), st.sampled_from([1, 4, 16]))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_blocks_are_groups_of_tiles(extent: int, tile: int, block: int, lanes: int) -> None:
    nest = primitive_from(matmul(m=3, n=extent, k=2))
    schedule = Schedule(
        "broadcast",
        ("n@1", "m", "n", "k"),
        vector=("n", lanes),
        tile=(("n", tile),),
        block=(("n@1", block),),
    )
    outer, _, inner, *_ = levels(nest, schedule)
    tiles = [
        size * lanes for count, size in balanced(-(-extent // lanes), tile) for _ in range(count)
    ]
    groups = [tiles[i : i + block] for i in range(0, len(tiles), block)]
    groups[-1][-1] -= sum(tiles) - extent
    assert _pieces(outer) == [sum(group) for group in groups]
    assert _pieces(inner) == [size for group in groups for size in group]
    assert all(a[1] != b[1] for a, b in pairwise(outer.runs))


def test_a_loop_of_thousands_of_millions_is_cut_at_once() -> None:
    nest = primitive_from(matmul(m=2**31 - 1, n=1, k=1))
    (level, *_) = levels(nest, parse_schedule("pixels/vector:m.8/tile:m.4/order:m+n+k"))
    assert level.pieces == 2**26 and sum(n * size for n, size in level.runs) == 2**31 - 1


def test_the_remainders_of_the_design() -> None:
    assert balanced(17, 6) == ((2, 6), (1, 5))
    assert balanced(49, 28) == ((1, 25), (1, 24))
    assert balanced(12, 6) == ((2, 6),)
    assert balanced(3, 8) == ((1, 3),)


def _pieces(level: Level) -> list[int]:
    return [size for count, size in level.runs for _ in range(count)]


def _check(nest: Primitive, schedule: Schedule) -> None:
    found = levels(nest, schedule)
    assert [level.name for level in found[: len(schedule.order)]] == list(schedule.order)
    finer: dict[str, set[int]] = {}
    for level in reversed(found):
        sizes = _pieces(level)
        assert all(size > 0 for size in sizes)
        assert sum(sizes) == nest.extent(level.loop)
        assert level.pieces == len(sizes)
        starts = [sum(sizes[:i]) for i in range(len(sizes))]
        assert set(starts) <= finer.get(level.loop, set(starts)), f"{level} cuts a finer piece"
        finer[level.loop] = set(starts)


@pytest.mark.parametrize("seed", range(40))
def test_levels_partition_and_refine(seed: int) -> None:
    random = Random(seed)
    spec = conv2d(n=2, ic=7, oc=9) if seed % 2 else matmul(m=11, n=13, k=5)
    nest = loop_nest(primitive_from(spec)).nest
    _check(nest, random_schedule(nest, random))


def test_register_tiles_count_vectors_of_the_vector_loop() -> None:
    nest = loop_nest(primitive_from(matmul(m=7, n=37, k=4))).nest
    schedule = parse_schedule("broadcast/vector:n.8/tile:n.2+m.3/order:n@1+m+n+k/block:n@1.2")
    assert register_tiles(nest, schedule, "n") == ((2, 2), (1, 1))  # 5 vectors
    assert register_tiles(nest, schedule, "m") == ((1, 3), (2, 2))
    by_name = {level.name: _pieces(level) for level in levels(nest, schedule)}
    assert by_name["n"] == [16, 16, 5]  # the last vector has 5 lanes inside the loop
    assert by_name["n@1"] == [32, 5]
    assert by_name["m"] == [3, 2, 2]
    assert by_name["n@0"] == [1] * 37
    assert by_name["m@0"] == [1] * 7
    assert by_name["k"] == [1] * 4
    assert all(depth_of(level) == 0 for level in ("n@0", "m@0"))


def test_a_reduction_is_cut_into_equal_pieces_and_a_rest() -> None:
    nest = loop_nest(primitive_from(matmul(k=10))).nest
    schedule = parse_schedule("scalar/order:k@2+k@1+m+n+k/block:k@2.8+k@1.4")
    by_name = {level.name: _pieces(level) for level in levels(nest, schedule)}
    assert by_name["k@2"] == [8, 2]
    assert by_name["k@1"] == [4, 4, 2]


def test_a_level_without_a_size_is_refused() -> None:
    nest = loop_nest(primitive_from(matmul())).nest
    with pytest.raises(ScheduleError, match="level k@1 has no block size"):
        levels(nest, parse_schedule("scalar/order:k@1+m+n+k"))
