"""Boxes of stages and how often they are computed, against running all pieces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random

import pytest

from compiler.errors import ScheduleError
from compiler.lower.fit import fitted
from compiler.lower.legality import by_isl
from compiler.lower.lowered import lowered
from compiler.lower.stages import times_computed
from compiler.lower.steps import region_bounds
from compiler.lower.tree import Box
from compiler.model.loop_nest import loop_nest
from compiler.problem.primitive import Primitive
from compiler.problem.specification import primitive_from
from compiler.schedule.text import parse_schedule
from tests.compiler.lower.test_pieces import elements, events
from tests.compiler.random_attachments import (
    random_attachments,
    random_statements,
    random_windows,
)


def window(h: int, taps: int, stride: int, before: int) -> Primitive:
    """Sums of rows under a sliding window, from a temporary that nothing reads just once."""
    read = f"t[c, {stride}*p + k - {before}]"
    spec = {
        "name": "window",
        "sizes": {"c": 8, "h": h, "k": taps},
        "extents": {"p": str((h + 2 * before - taps) // stride + 1)},
        "tensors": {"x": ["c", "h"], "t": ["c", "h"], "y": ["c", "p"]},
        "temporary": ["t"],
        "outside": {"t": 0},
        "statements": ["t[c,h] = x[c,h] * 2", f"y[c,p] += {read} * {read}"],
    }
    return loop_nest(primitive_from(spec)).nest


LINE = "scalar/order:c+h/scalar/order:p@1+c+p+k/block:p@1.{rows}/fusion:S0.p@1"
CASES = {  # rows, taps, stride, before -> elements of the stage, rows computed of 20
    (4, 3, 1, 1): (8 * 6, 4 * 6 + 6 - 2),
    (2, 2, 2, 0): (8 * 4, 20),
    (4, 5, 3, 2): (8 * 14, 12 + 10),
    (20, 3, 1, 1): (8 * 20, 20),
}


@pytest.mark.parametrize("case", CASES)
def test_a_stage_holds_what_a_piece_needs(case: tuple[int, int, int, int]) -> None:
    rows, taps, stride, before = case
    nest = window(20, taps, stride, before)
    tree = fitted(nest, parse_schedule(LINE.format(rows=rows)))
    assert by_isl(tree) is None
    (stage,) = tree.stages
    held, computed = CASES[case]
    assert stage.layout.elements == held
    assert times_computed(nest, tree.paths()[0]) == pytest.approx(computed / 20)


def test_pieces_of_many_images_are_counted_as_those_of_one() -> None:
    """Loops that move no region together: a hundred million pieces, no more to add up."""
    spec = {
        "name": "windows",
        "sizes": {"n": 2_000_000, "h": 150, "k": 3},
        "extents": {"p": "h - 2"},
        "tensors": {"x": ["n", "h"], "t": ["n", "h"], "y": ["n", "p"]},
        "temporary": ["t"],
        "statements": ["t[n,h] = x[n,h] * 2", "y[n,p] += t[n,p+k] * t[n,p+k]"],
    }
    nest = loop_nest(primitive_from(spec)).nest
    tree = lowered(
        nest, parse_schedule("scalar/order:n+h/scalar/order:n+p@1+p+k/block:p@1.5/fusion:S0.p@1")
    )
    rows = 29 * 7 + 5  # the last piece is shorter
    assert times_computed(nest, tree.paths()[0]) == pytest.approx(rows / 150)


def test_random_stages_agree_with_enumeration() -> None:
    check_random_stages(3, 60)


def check_random_stages(seed: int, count: int) -> None:
    """No element outside of a box is touched, and factors count every run."""
    random = Random(seed)
    staged = repeated = rolling = 0  # trees with stages, paths of which some points run again
    while staged < count or repeated < count / 3 or rolling < count / 4:
        nest = random_statements(random, m=random.randint(2, 6), n=random.randint(2, 4))
        if staged >= count:
            nest = random_windows(random)
        if nest is None:
            continue
        try:
            tree = lowered(nest, random_attachments(nest, random, keep=float(staged >= count)))
        except ScheduleError:
            continue
        for path in tree.paths():
            own = list(events(nest, path))
            statement = nest.statements[path.leaf.statement]
            points = Counter(tuple(point.values()) for point, _ in own)
            if path.around:
                every = 1
                for loop in statement.loops:
                    every *= nest.extent(loop)
                assert times_computed(nest, path) == pytest.approx(sum(points.values()) / every)
                repeated += sum(points.values()) > every
            for stage in tree.stages:
                regions = [one.grain.region for one in path.around[: stage.at]]
                if len(path.around) < stage.at:  # its own levels are among those around it
                    regions += path.regions
                for point, at in own:
                    values = {f"p{k}": piece for k, piece in enumerate(at[: stage.at])}
                    for region in filter(None, regions):
                        for name, value in region_bounds(region):
                            values[name] = eval(value, {"min": min, "max": max}, values)
                    for access in (statement.target, *statement.reads):
                        for tensor, index in elements(nest, access, point):
                            if tensor == stage.tensor:
                                _check_inside(stage.boxes, index, values)
        staged += bool(tree.stages)
        rolling += any(stage.rolling for stage in tree.stages)


def _check_inside(boxes: Sequence[Box], index: Sequence[int], values: dict[str, int]) -> None:
    for box, i in zip(boxes, index, strict=True):
        first = eval(box.first, {"max": max}, values)
        assert first <= i < first + box.size
