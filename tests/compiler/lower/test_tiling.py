"""Register tiles cover their loop in balanced sizes; levels group them."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.lower.tiling import balanced, register_tiles, whole_tiles
from compiler.lower.tree import Grain, Level


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


def test_the_remainders_of_the_design() -> None:
    assert balanced(17, 6) == ((2, 6), (1, 5))
    assert balanced(49, 28) == ((1, 25), (1, 24))
    assert balanced(12, 6) == ((2, 6),)
    assert balanced(3, 8) == ((1, 3),)


@given(st.integers(1, 2000), st.integers(1, 300))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_whole_tiles_and_what_is_left(count: int, limit: int) -> None:
    sizes = [size for pieces, size in whole_tiles(count, limit) for _ in range(pieces)]
    assert sum(sizes) == count
    assert all(size == limit for size in sizes[:-1]) and 0 < sizes[-1] <= limit


@given(st.integers(1, 400), st.integers(1, 16), st.integers(1, 9), st.sampled_from([1, 4, 16]))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_blocks_are_groups_of_tiles(extent: int, tile: int, block: int, lanes: int) -> None:
    grain = register_tiles("n", extent, tile, lanes)
    sizes = [size * lanes for count, size in grain.runs for _ in range(count)]
    groups = [sizes[i : i + block] for i in range(0, len(sizes), block)]
    pieces = grain.pieces_of_points(Level("n@1", "n", block))
    wanted = [number for number, group in enumerate(groups) for _ in range(sum(group))]
    assert pieces == wanted[:extent]
    assert grain.pieces(Level("n@1", "n", block)) == len(groups)
    assert grain.points == max(sizes)


def test_vectors_count_for_the_loop_that_fills_lanes() -> None:
    grain = register_tiles("n", 37, 2, 8)
    assert grain == Grain("n", 37, ((2, 2), (1, 1)), 8)  # 5 vectors, the last of 5 lanes
    pieces = grain.pieces_of_points(Level("n", "n", 1))
    assert [pieces.count(piece) for piece in range(3)] == [16, 16, 5]


def test_a_loop_of_thousands_of_millions_is_cut_at_once() -> None:
    grain = register_tiles("m", 2**31 - 1, 4, 8)
    assert grain.count == 2**26
    assert sum(n * size for n, size in grain.runs) * 8 == 2**31
