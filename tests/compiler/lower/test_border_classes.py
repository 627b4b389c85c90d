"""Border classes against the table of live taps, point by point."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from compiler.errors import ProblemError, ScheduleError
from compiler.lower.border_classes import Border, borders, lane_pieces, tile_classes
from compiler.lower.tiling import register_tiles, whole_tiles
from compiler.lower.tree import Grain
from compiler.model.loop_nest import loop_nest
from compiler.problem.primitive import Primitive
from compiler.problem.specification import primitive_from
from tests.compiler.problem.operators import conv2d


def _nest(**sizes: int) -> Primitive:
    return loop_nest(primitive_from(conv2d(**sizes))).nest


def _data_borders(nest: Primitive) -> tuple[Border, ...]:
    access = next(a for a in nest.statements[0].reads if a.tensor == "data")
    return borders(nest, nest.statements[0], access)


@given(
    st.integers(2, 14), st.integers(2, 5), st.integers(0, 5), st.integers(1, 3),
    st.integers(1, 3), st.integers(1, 6), st.booleans(),
)  # fmt: skip
@settings(max_examples=120, deadline=None, derandomize=True)
def test_classes_agree_with_the_table(
    iw: int, kw: int, pad: int, stride: int, dilation: int, tile: int, partial: bool
) -> None:
    try:
        nest = _nest(iw=iw, kw=kw, pad_w=pad, stride=stride, dilation=dilation, ih=30)
    except ProblemError:
        assume(False)
    assume("ow" in dict(nest.extents))
    extent = nest.extent("ow")
    border = next((g for g in _data_borders(nest) if g.point == "ow"), None)
    grain = register_tiles("ow", extent, min(tile, extent))
    classes = tile_classes(grain, border, partial)
    tiles = [size for n, size in grain.runs for _ in range(n)]
    starts = [sum(tiles[:i]) for i in range(len(tiles))]

    # every tile is in exactly one class, in order, and starts where the class says
    covered = [i for c in classes for i in range(c.first, c.last)]
    assert covered == list(range(len(tiles)))
    for c in classes:
        for i in range(c.first, c.last):
            assert (c.size, c.size * i + c.offset) == (tiles[i], starts[i])
    if partial:
        assert [c.partial for c in classes] == [False] * (len(classes) - 1) + [True]
        assert classes[-1].last - classes[-1].first == 1

    # the taps of a class are those of the table, each live (tap, point) exactly once
    tables = []
    for c in classes:
        table: Counter[tuple[int, int]] = Counter()
        for start in {starts[i] for i in range(c.first, c.last)} if c.taps is not None else ():
            assert border is not None
            live = {
                (tap, i)
                for tap in range(border.taps)
                for i in range(c.size)
                if 0 <= stride * (start + i) + dilation * tap - pad < iw
            }
            found = Counter(
                (tap, i) for g in c.taps or () for tap in range(g.low, g.high) for i in g.live
            )
            assert found == Counter(live)
            table = found
        tables.append((c.size, frozenset(table)))
        assert (c.taps is None) == (border is None or min(tile, extent) == 1)

    # neighbours differ, else they would be one class
    if not partial:
        assert all(a != b for a, b in pairwise(tables))


def test_a_3x3_layer_has_three_classes_a_dimension() -> None:
    nest = _nest(ih=56, iw=56, ic=64, oc=64)
    grain = register_tiles("ow", nest.extent("ow"), 7)
    by_point = {b.point: b for b in _data_borders(nest)}
    columns = tile_classes(grain, by_point["ow"], False)
    assert [(c.first, c.last) for c in columns] == [(0, 1), (1, 7), (7, 8)]
    assert [[(g.low, g.high, g.live) for g in c.taps or ()] for c in columns[:2]] == [
        [(0, 1, (1, 2, 3, 4, 5, 6)), (1, 3, (0, 1, 2, 3, 4, 5, 6))],
        [(0, 3, (0, 1, 2, 3, 4, 5, 6))],
    ]
    rows = tile_classes(
        register_tiles("oh", 56, 1), by_point["oh"], False
    )  # taps are a range there
    assert [(c.first, c.last, c.taps) for c in rows] == [(0, 56, None)]


@given(
    st.integers(1, 9), st.integers(1, 9), st.integers(1, 5), st.integers(1, 5),
    st.integers(-30, 10), st.integers(1, 20),
)  # fmt: skip
@settings(max_examples=300, deadline=None, derandomize=True)
def test_live_pairs_are_counted_in_closed_form(
    points: int, taps: int, point_step: int, tap_step: int, constant: int, size: int
) -> None:
    border = Border("p", "t", point_step, tap_step, constant, size, taps)
    live = [
        (p, t)
        for p in range(points)
        for t in range(taps)
        if 0 <= point_step * p + tap_step * t + constant < size
    ]
    assert border.live_pairs(points) == len(live)
    for tap in range(taps):
        first, last = border.live(tap)
        assert [p for p, t in live if t == tap] == [p for p in range(points) if first <= p < last]


def test_a_wide_kernel_has_few_groups_of_taps_to_look_at() -> None:
    nest = _nest(iw=20_000_000, kw=101, pad_w=50, ih=3, kh=1, pad_h=0)
    (border,) = _data_borders(nest)
    grain = register_tiles("ow", nest.extent("ow"), 10)
    classes = tile_classes(grain, border, False)
    assert [(c.first, c.last) for c in classes if len(c.taps or ()) == 1] == [(5, 1_999_995)]
    assert classes[-1].last == 2_000_000


def test_classes_without_end_are_refused() -> None:
    nest = _nest(iw=2_000_000, kw=1_000_001, pad_w=500_000, ih=3, kh=1, pad_h=0)
    (border,) = _data_borders(nest)
    grain = register_tiles("ow", nest.extent("ow"), 4)
    with pytest.raises(ScheduleError, match="borders of ow take more than 50000 multiply-adds"):
        tile_classes(grain, border, False)


def test_borders_name_what_can_leave_the_tensor() -> None:
    assert _data_borders(_nest(pad_h=0, pad_w=0)) == ()
    (only,) = _data_borders(_nest(pad_h=0, pad_w=2, stride=2, dilation=2, iw=9))
    assert only == Border("ow", "kw", 2, 2, -2, 9, 3)
    assert [only.live(tap) for tap in range(3)] == [(1, 6), (0, 5), (-1, 4)]


def test_borders_of_other_forms_must_be_packed() -> None:
    spec = {
        "name": "mirrored",
        "sizes": {"i": 8, "k": 3},
        "tensors": {"x": ["i"], "w": ["k"], "y": ["i"]},
        "outside": {"x": 0},
        "statements": ["y[i] += x[i - k] * w[k]"],
    }
    nest = loop_nest(primitive_from(spec)).nest
    with pytest.raises(ScheduleError, match="x must be packed: its border index 'i - k' is not"):
        borders(nest, nest.statements[0], nest.statements[0].reads[0])
    diagonal = {**spec, "tensors": {"x": ["i", "i"], "w": ["k"], "y": ["i"]},
                "statements": ["y[i] += x[i + k - 1, i + k - 1] * w[k]"]}  # fmt: skip
    nest = loop_nest(primitive_from(diagonal)).nest
    with pytest.raises(ScheduleError, match="x must be packed: its borders share loops"):
        borders(nest, nest.statements[0], nest.statements[0].reads[0])


def test_partial_splits_off_the_last_vector() -> None:
    grain = register_tiles("oc", 3, 1, 2)
    whole, split = tile_classes(grain, None, False), tile_classes(grain, None, True)
    assert [(c.first, c.last, c.partial) for c in whole] == [(0, 2, False)]
    assert [(c.first, c.last, c.partial) for c in split] == [(0, 1, False), (1, 2, True)]
    assert replace(split[0], last=2) == whole[0]


@pytest.mark.parametrize("extent", [5, 32, 40, 64, 77, 95])
def test_pieces_of_lanes_across_a_reduction(extent: int) -> None:
    """Whole tiles of 4 vectors of 8, then what is left; the last vector may be partial."""
    grain = Grain("k", extent, whole_tiles(-(-extent // 8), 4), 8, summed=True)
    pieces = lane_pieces(grain)
    points: list[int] = []
    for piece in pieces:
        for index in range(piece.first, piece.last):
            start = (piece.size * index + piece.offset) * 8
            size = piece.size * 8 - (-extent % 8 if piece.partial else 0)
            points += range(start, start + size)
    assert points == list(range(extent))
    assert [piece.partial for piece in pieces].count(True) == (extent % 32 % 8 > 0)
