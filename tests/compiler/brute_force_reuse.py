"""Working sets of small nests by enumeration of their iterations, straight from the definition."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from random import Random

from compiler.model.perfect_nest import PerfectNest
from compiler.problem.primitive import Access, Affine

Point = tuple[int, ...]
Element = tuple[int, ...]


def brute_force_working_sets(
    nest: PerfectNest, parallel: str | None = None
) -> tuple[tuple[int, int], ...]:
    """Sorted pairs (min, max), in elements; time grows with the square of the iterations."""
    names = [name for name, _ in nest.loops]
    points = _points(nest)
    touched = {access: _elements(nest, access, points) for access in nest.accesses}

    def footprint(iterations: Iterable[Point]) -> dict[str, set[Element]]:
        held: dict[str, set[Element]] = {access.tensor: set() for access in nest.accesses}
        chosen = list(iterations)
        for access in nest.accesses:
            held[access.tensor] |= {touched[access][x] for x in chosen}
        return held

    def size(held: dict[str, set[Element]]) -> int:
        return sum(len(elements) for elements in held.values())

    pairs: set[tuple[int, int]] = set()
    for first, second in product(touched, touched):
        if first.tensor != second.tensor:
            continue
        for level, name in enumerate(names):
            later = _dependence(touched[first], touched[second], level)
            if not later:
                continue
            if name == parallel:
                start = min(later)
                column = [x for x in later if x[:level] == start[:level]]
                values = {x[level] for x in column}
                one = footprint(x for x in column if x[level] == min(values))
                two = footprint(x for x in column if x[level] == max(values))
                union = sum(len(one[t] | two[t]) for t in one)
                common = sum(len(one[t] & two[t]) for t in one)
                shared = (union - common) * len(values) // 2 + common
                pairs.add((shared, shared))
                continue
            source = min(later)
            sizes = [
                size(footprint(x for x in later if source <= x <= sink))
                for sink in (min(later[source]), max(later[source]))
            ]
            pairs.add((sizes[0], sizes[1]))
    return tuple(sorted(pair for pair in pairs if not {0, 1} & set(pair)))


def _points(nest: PerfectNest) -> list[Point]:
    names = [name for name, _ in nest.loops]
    box = product(*(range(extent) for _, extent in nest.loops))
    return [
        x
        for x in box
        if all(index.at(dict(zip(names, x, strict=True))) < size for index, size in nest.limits)
    ]


def _elements(nest: PerfectNest, access: Access, points: list[Point]) -> dict[Point, Element]:
    names = [name for name, _ in nest.loops]
    return {
        x: tuple(index.at(dict(zip(names, x, strict=True))) for index in access.indices)
        for x in points
    }


def _dependence(
    first: dict[Point, Element], second: dict[Point, Element], level: int
) -> dict[Point, list[Point]]:
    """Sinks by source: equal elements, equal loops before the level, a later iteration at it."""
    users: dict[tuple[Element, Point], list[Point]] = {}
    for y, element in second.items():
        users.setdefault((element, y[:level]), []).append(y)
    found: dict[Point, list[Point]] = {}
    for x, element in first.items():
        later = [y for y in users.get((element, x[:level]), ()) if y[level] > x[level]]
        if later:
            found[x] = later
    return found


def random_nest(random: Random, most: int = 2000) -> PerfectNest:
    """A convolution in a random order, with strides, dilation and tiles; of at most `most` points.

    Each tensor has one access map and its dimensions use disjoint loops. Extents of 1 occur.
    """
    extents = {loop: random.randint(1, 4) for loop in ("n", "oc", "ic", "oh", "ow", "kh", "kw")}
    stride, dilation = random.randint(1, 3), random.randint(1, 2)
    terms: dict[str, list[tuple[str, int]]] = {loop: [(loop, 1)] for loop in extents}
    loops: list[str] = []
    sizes: dict[str, int] = {}
    for loop, extent in extents.items():
        loops.append(loop)
        sizes[loop] = extent
        if random.random() < 0.3:
            tiles = random.randint(2, 3)
            terms[loop].append((f"{loop}@1", extent))
            loops.append(f"{loop}@1")
            sizes[f"{loop}@1"] = tiles
    random.shuffle(loops)
    points = 1
    for loop in loops:  # the innermost loops that would be too much work become single iterations
        if points * sizes[loop] > most:
            sizes[loop] = 1
        points *= sizes[loop]

    def index(constant: int, *parts: tuple[str, int]) -> Affine:
        expanded = [(name, c * by) for loop, by in parts for name, c in terms[loop]]
        return Affine(tuple(sorted(expanded)), constant)

    return PerfectNest(
        tuple((loop, sizes[loop]) for loop in loops),
        (
            Access("out", tuple(index(0, (loop, 1)) for loop in ("n", "oc", "oh", "ow"))),
            Access(
                "data",
                (
                    index(0, ("n", 1)),
                    index(0, ("ic", 1)),
                    index(-1, ("oh", stride), ("kh", dilation)),
                    index(-1, ("ow", stride), ("kw", dilation)),
                ),
            ),
            Access("weight", tuple(index(0, (loop, 1)) for loop in ("oc", "ic", "kh", "kw"))),
        ),
    )
