"""Lengths of the loops inside a microkernel."""

from __future__ import annotations

from collections import Counter

import pytest

from compiler.lower.lowered import lowered
from compiler.lower.steps import lengths_of
from compiler.model.loop_nest import loop_nest
from compiler.problem.specification import primitive_from
from compiler.schedule.text import parse_schedule
from tests.compiler.problem.operators import matmul

ORDERS = {
    "m+n+k": "",
    "k@1+m+n+k": "/block:k@1.16",
    "m+n+k@1+k": "/block:k@1.16",
    "k@2+m+n+k@1+k": "/block:k@2.32+k@1.16",
    "m+n+k@2+k@1+k": "/block:k@2.32+k@1.16",
}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("k", [9, 16, 34, 50, 64, 81])
def test_lengths_are_those_of_all_pieces(order: str, k: int) -> None:
    nest = loop_nest(primitive_from(matmul(m=4, n=16, k=k))).nest
    schedule = parse_schedule(f"broadcast/vector:n.8/order:{order}{ORDERS[order]}")
    (path,) = lowered(nest, schedule).paths()
    grain = path.leaf.grain("k")
    own = [level for level in path.levels if level.loop == "k"]
    for place, level in enumerate(own):
        pieces = grain.pieces_of_points(own[place - 1]) if place else [0] * k
        lengths = list(Counter(pieces).values())
        assert lengths_of(path, level) == tuple(dict.fromkeys(lengths))
