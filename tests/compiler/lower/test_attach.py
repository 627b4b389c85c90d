"""Which points an attached band runs over, and what no piece can be made of."""

from __future__ import annotations

from dataclasses import replace

import pytest

from compiler.errors import ScheduleError
from compiler.lower.attach import in_step
from compiler.lower.lowered import lowered
from compiler.lower.tree import Path, Tree
from compiler.problem.primitive import Affine
from compiler.schedule.text import parse_schedule
from tests.compiler.lower.test_stages import window

READER = "scalar/order:c+h/scalar/order:p@1+c+p+k/block:p@1.4/fusion:S0.{at}"


def _tree(at: str, taps: int = 3, stride: int = 2, before: int = 1) -> Tree:
    return lowered(window(20, taps, stride, before), parse_schedule(READER.format(at=at)))


def _writer(tree: Tree) -> Path:
    return tree.paths()[0]


def test_a_piece_needs_what_is_read_in_it() -> None:
    (rows,) = _writer(_tree("p@1")).regions  # rows 2 * (4 * p0 + 0..3) + 0..2 - 1
    assert (rows.loop, rows.start, rows.reach) == ("h", Affine((("p0", 8),), -1), 9)
    assert rows.sizes == (9, 8, 5) and not rows.fixed
    channel, row = _writer(_tree("p")).regions
    assert channel.start == Affine((("p1", 1),)) and channel.sizes == (1,)
    assert row.start == Affine((("p2", 2),), -1) and row.reach == 3


def test_a_level_that_tells_nothing_leaves_the_loop_whole() -> None:
    assert {region.loop for region in _writer(_tree("c")).regions} == {"h", "c"}
    assert all(region.loop != "c" for region in _writer(_tree("p@1")).regions)


def test_pieces_of_unlike_tiles_are_refused() -> None:
    text = "scalar/order:c+h/lanes/vector:c.8/tile:p.3/order:p+c+k/fusion:S0.p"
    with pytest.raises(ScheduleError, match="take a tile that divides 10"):
        lowered(window(20, 2, 2, 0), parse_schedule(text))


def test_rows_that_two_pieces_need_are_not_in_step() -> None:
    apart, overlapping = _tree("p@1", taps=2, before=0), _tree("p@1")
    for tree, evident in ((apart, True), (overlapping, False)):
        full = replace(tree, stages=())  # as if the rows existed in full
        assert in_step(full, *full.paths()) is evident


KEEPING = {  # of windows of 3 rows, by order and level
    ("p@1+c+p+k", "p@1"): None,
    ("p@1+c+p+k", "c"): None,
    ("c+p@1+p+k", "p@1"): None,
    ("k+p@1+c+p", "p@1"): "overlap otherwise",  # rows of the next k, while the buffer has others
    ("c+p@1+p+k", "c"): "no piece needs",
}


@pytest.mark.parametrize("case", KEEPING)
def test_rows_are_kept_along_one_level_alone(case: tuple[str, str]) -> None:
    order, at = case
    line = f"scalar/order:c+h/scalar/order:{order}/block:p@1.4/fusion:S0.{at}/keep:S0.root"
    if KEEPING[case] is not None:
        with pytest.raises(ScheduleError, match=KEEPING[case]):
            lowered(window(20, 3, 1, 1), parse_schedule(line))
        return
    tree = lowered(window(20, 3, 1, 1), parse_schedule(line))
    (rows,) = [region for region in _writer(tree).regions if region.kept is not None]
    assert rows.kept is not None and (rows.kept.points, rows.kept.step) == (2, 4)
    assert tree.stages[0].depth == 0
