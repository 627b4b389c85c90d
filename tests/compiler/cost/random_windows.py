"""Random convolutions in one dimension, with both of its loops tiled: many loops in one index."""

from __future__ import annotations

from random import Random

from compiler.model.perfect_nest import PerfectNest
from compiler.problem.primitive import Access, Affine


def random_window(random: Random, most: int) -> PerfectNest:
    """`out[oc,ow] += data[ic, stride*ow + dilation*kw] * weight[oc,ic,kw]`, at most `most` points.

    Loops are tiled once or twice and stand in any order, tile loops inside their points included.
    """
    coefficients: dict[str, list[tuple[str, int]]] = {}
    extents: dict[str, int] = {}
    for loop, depth, largest in (("ow", 3, 5), ("kw", 2, 4), ("oc", 2, 3), ("ic", 1, 3)):
        points = 1
        coefficients[loop] = []
        for level in range(random.randint(1, depth)):
            name = f"{loop}@{level}"
            extents[name] = random.randint(1 if level else 2, largest)
            coefficients[loop].append((name, points))
            points *= extents[name]
    loops = list(extents)
    random.shuffle(loops)
    points = 1
    for loop in loops:
        if points * extents[loop] > most:
            extents[loop] = 1
        points *= extents[loop]

    def index(*parts: tuple[str, int]) -> Affine:
        terms = [(name, c * by) for loop, by in parts for name, c in coefficients[loop]]
        return Affine(tuple(sorted(terms)))

    stride, dilation = random.randint(1, 4), random.randint(1, 3)
    return PerfectNest(
        tuple((loop, extents[loop]) for loop in loops),
        (
            Access("out", (index(("oc", 1)), index(("ow", 1)))),
            Access("data", (index(("ic", 1)), index(("ow", stride), ("kw", dilation)))),
            Access("weight", (index(("oc", 1)), index(("ic", 1)), index(("kw", 1)))),
        ),
    )
