"""A region's points in every piece, by its bounds as printed and by counting."""

from __future__ import annotations

import pytest

from compiler.lower.region import Region
from compiler.lower.steps import region_bounds
from compiler.problem.primitive import Affine


@pytest.mark.parametrize("start", [Affine((("p0", 4),), -1), Affine((("p0", 3),)), Affine((), -2)])
def test_bounds_hold_the_points_that_there_are(start: Affine) -> None:
    sizes = {
        max(0, min(start.at({"p0": p}) + 6, 17) - max(start.at({"p0": p}), 0)) for p in range(7)
    }
    region = Region(0, "h", start, 6, 17, 1, tuple(sorted(sizes, reverse=True)))
    assert region.size == max(sizes) and region.fixed == (len(sizes) == 1)
    for piece in range(7):
        values: dict[str, int] = {"p0": piece}
        for name, value in region_bounds(region):
            values[name] = eval(value, {"min": min, "max": max}, values)
        first, points = values["from0_h"], values.get("points0_h", region.size)
        wanted = [x for x in range(17) if start.at(values) <= x < start.at(values) + 6]
        assert list(range(first, first + points)) == wanted
        assert region.count(values) == len(wanted)
