"""What an earlier statement leaves in a cache, and how much must be held meanwhile."""

from __future__ import annotations

import pytest

from compiler.cost.footprints import nest_loops
from compiler.cost.roofline import Roofline
from compiler.cost.shared_levels import left_by_others
from compiler.lower.lowered import lowered
from compiler.model.loop_nest import loop_nest
from compiler.problem.specification import primitive_from
from compiler.schedule.text import parse_schedule
from tests.compiler.machines import AVX2
from tests.compiler.problem.chains import SOFTMAX

BANDS = "scalar/order:m+n/lanes/vector:n.8/order:m+n/scalar/order:m+n"


@pytest.mark.parametrize(("rows", "host"), [(1, "order:m+n"), (4, "order:m@1+m+n/block:m@1.4")])
def test_a_piece_holds_its_rows(rows: int, host: str) -> None:
    nest = loop_nest(primitive_from({**SOFTMAX, "sizes": {"m": 64, "n": 160}})).nest
    at = "m" if rows == 1 else "m@1"
    text = f"{BANDS}/lanes/vector:n.8/{host}/fusion:S0.{at}+S1.{at}+S2.{at}"
    tree = lowered(nest, parse_schedule(text))
    model, paths = Roofline(nest, AVX2), tree.paths()
    traffic = [model._traffic(tree, path, nest_loops(path)) for path in paths]
    first, second, third, fourth = left_by_others(paths, traffic)
    assert not first
    assert set(second) == {"x", "t"} and set(third) == {"e"} and set(fourth) == {"e", "s"}
    lines = rows * 160 * 4 / 64  # of x, e and y, each; t and s take no more than a line or two
    assert 3 * lines < second["x"] < 3 * lines + 4


def test_bands_apart_leave_nothing() -> None:
    nest = loop_nest(primitive_from({**SOFTMAX, "sizes": {"m": 64, "n": 160}})).nest
    tree = lowered(nest, parse_schedule(f"{BANDS}/lanes/vector:n.8/order:m+n"))
    model, paths = Roofline(nest, AVX2), tree.paths()
    traffic = [model._traffic(tree, path, nest_loops(path)) for path in paths]
    assert left_by_others(paths, traffic) == [{}, {}, {}, {}]
