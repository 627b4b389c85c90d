"""How many register tiles leave a tensor, and which vectors start amid a line."""

from __future__ import annotations

import pytest

from compiler.lower.addressing import Address
from compiler.lower.edges import anywhere, crossing, questions
from compiler.lower.lowered import lowered
from compiler.schedule.text import parse_schedule
from tests.compiler.problem.lines import primitive_of

SIZES = {"i": 12, "j": 32}


@pytest.mark.parametrize(
    ("index", "tile", "share"),
    [
        ("i - 1", 1, 1 / 12),
        ("i - 1", 3, 1 / 4),  # one tile of four, as many rows as it leaves by
        ("i + 4", 3, 2 / 4),
        ("i - 20", 3, 1),
        ("2*i - 2", 3, 1 / 5),  # of 23 rows a tile has five
    ],
)
def test_tiles_that_cross_an_edge(index: str, tile: int, share: float) -> None:
    nest = primitive_of(
        SIZES,
        {"x": ["2*i" if "2" in index[0] else "i", "j"], "y": ["i", "j"]},
        f"y[i,j] = x[{index}, j]",
        outside={"x": 0},
    )
    text = f"lanes/vector:j.8/tile:j.1+i.{tile}/order:i+j"
    (path,) = lowered(nest, parse_schedule(text)).paths()
    (question,) = questions(nest, nest.statements[0].reads[0])
    assert crossing(path.leaf.grains, question) == pytest.approx(share)


@pytest.mark.parametrize(
    ("columns", "index", "amid"),
    [("j", "j", False), ("43", "j", True), ("40", "j + 8", False), ("40", "j + 3", True)],
)
def test_vectors_that_start_anywhere(columns: str, index: str, amid: bool) -> None:
    nest = primitive_of(
        SIZES, {"x": ["i", columns], "y": ["i", "j"]}, f"y[i,j] = x[i, {index}] * 2"
    )
    tree = lowered(nest, parse_schedule("lanes/vector:j.8/tile:j.1/order:i+j"))
    read = nest.statements[0].reads[0]
    assert anywhere(Address(read, tree.layout_of("x")), "j", 8) is amid
