"""What is left of targets that writes leave, against brute force."""

from __future__ import annotations

from collections import Counter
from itertools import product
from random import Random

import pytest

from compiler.errors import ScheduleError
from compiler.lower.border_classes import TileClass
from compiler.lower.coverage import uncovered
from compiler.lower.crops import Crop
from compiler.lower.fit import fitted
from compiler.lower.lowered import lowered
from compiler.lower.operands import Operands, classes_of, operands
from compiler.lower.tree import Microkernel, Tree
from compiler.model.loop_nest import loop_nest
from compiler.problem.primitive import Affine, Primitive
from compiler.schedule.text import parse_schedule
from tests.compiler.problem.lines import primitive_of

LAYOUT = "layout:w.aBc4b+y.Ab4a"
LINE = f"lanes/vector:k.4/tile:h.7/order:k+a+h+c/{LAYOUT}"


def deconvolution(index: str, rows: int, **sizes: int) -> Primitive:
    """Of one dimension; `index` is the output's, of `rows` elements."""
    given = {"c": 5, "k": 12, "h": 20, "a": 4} | sizes
    tensors = {"x": ["c", "h"], "w": ["c", "k", "a"], "y": ["k", str(rows)]}
    return loop_nest(primitive_of(given, tensors, f"y[k,{index}] += x[c,h] * w[c,k,a]")).nest


def leaf_of(tree: Tree) -> tuple[Microkernel, Operands]:
    (path,) = tree.paths()
    assert isinstance(path.leaf, Microkernel)
    return path.leaf, operands(tree, path.leaf)


@pytest.mark.parametrize("seed", range(60))
def test_the_share_that_is_kept(seed: int) -> None:
    random = Random(seed)
    extents = {loop: random.randint(1, 9) for loop in "hab"[: random.randint(1, 3)]}
    terms = tuple((loop, random.choice([-3, -1, 1, 2, 3])) for loop in sorted(extents))
    index, size = Affine(terms, random.randint(-9, 9)), random.randint(1, 30)
    box = (dict(zip(extents, x, strict=True)) for x in product(*map(range, extents.values())))
    inside = [0 <= index.at(point) < size for point in box]
    assert Crop(index, size).kept(extents) == pytest.approx(sum(inside) / len(inside))


def _points(classes: tuple[TileClass, ...]) -> Counter[tuple[int, ...]]:
    """The points of all loops but the vector's."""
    ranges = []
    for one in classes:
        if one.loop != "k":
            tiles = range(one.first, one.last)
            starts = (one.step * tile + one.offset for tile in tiles)
            ranges.append([start + i for start in starts for i in range(one.size)])
    return Counter(product(*ranges))


@pytest.mark.parametrize("tile", ["h.1", "h.3", "h.7", "h.20", "a.2", "a.4"])
@pytest.mark.parametrize(
    ("index", "rows"),
    [("2*h + a - 1", 40), ("h + a - 3", 17), ("3*h - a + 2", 50), ("2*h + 2*a - 30", 9)],
)
def test_points_inside_are_in_one_class(index: str, rows: int, tile: str) -> None:
    nest = deconvolution(index, rows)
    line = f"lanes/vector:k.4/tile:{tile}/order:k+a+h+c/{LAYOUT}"
    tree = fitted(nest, parse_schedule(line)) if fits(nest, line) else None
    if tree is None:
        assert tile[0] == "a" and "- a" in index
        return
    leaf, placed = leaf_of(tree)
    (crop,) = placed.crops
    found = sum((_points(classes) for classes in classes_of(leaf, placed)), Counter())
    every = product(range(nest.extent("h")), range(nest.extent("a")))
    inside = [p for p in every if 0 <= crop.index.at(dict(zip("ha", p, strict=True))) < rows]
    if tile == "h.1":  # the loops around leave them out
        assert crop.border is None and found == Counter(product(range(20), range(4)))
    else:
        assert found == Counter(inside)
    assert uncovered(tree) is None


def fits(nest: Primitive, line: str) -> bool:
    try:
        fitted(nest, parse_schedule(line))
    except ScheduleError:
        return False
    return True


def test_a_point_that_is_forgotten_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    tree = lowered(deconvolution("2*h + a - 1", 40), parse_schedule(LINE))
    assert uncovered(tree) is None
    monkeypatch.setattr(TileClass, "only", lambda own, live: own)
    assert uncovered(tree) == "h and a"


@pytest.mark.parametrize(
    ("index", "line", "why"),
    [
        ("2*h + a - 1", "lanes/vector:a.4/order:k+h+a+c", "a cannot fill vectors"),
        ("a - 2*h + 38", LINE, "tile h must be 1"),
        ("2*h + a + k - 1", LINE.replace("h.7", "h.1"), "k cannot fill vectors"),
        ("2*h + a + c - 1", LINE, "tile h must be 1"),
    ],
)
def test_refusals(index: str, line: str, why: str) -> None:
    with pytest.raises(ScheduleError, match=why):
        fitted(deconvolution(index, 40), parse_schedule(line))
