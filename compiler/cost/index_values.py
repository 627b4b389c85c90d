"""The values that indices take over boxes of iterations, and the size of unions of their products.

Over `0 <= x_j < n_j` an index `sum(c_j * x_j)` takes a sum of progressions `{0, c, ..., c*(n-1)}`.
Progressions that continue each other are one: `x < 4, y < 5` makes `4*y + x` the range of 20.
Gaps stay: `3*y + x` with x < 2 leaves out every third value.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

Progressions = tuple[tuple[int, int], ...]  # (step, count), by rising step
Values = tuple[int, Progressions]  # the smallest value, and what is added to it


@lru_cache(maxsize=1 << 16)
def merged(terms: tuple[tuple[int, int], ...]) -> Progressions:
    """The sum of progressions (step, count) in its shortest form; steps are positive."""
    found: list[tuple[int, int]] = []
    for step, count in sorted(terms):
        if count == 1:
            continue
        if found:
            fine, many = found[-1]
            if step % fine == 0 and step <= fine * many:
                found[-1] = (fine, many + step // fine * (count - 1))
                continue
        found.append((step, count))
    return tuple(found)


@lru_cache(maxsize=1 << 16)
def size(values: Progressions) -> int:
    """How many different values."""
    if not values:
        return 1
    if len(values) == 1:
        return values[0][1]
    return _bits(values).bit_count()


@lru_cache(maxsize=1 << 10)
def _bits(values: Progressions) -> int:
    """Bit v is set for each value v."""
    bits = 1
    for step, count in values:
        have = 1
        while have < count:  # doubling, the last time by what is left
            more = min(have, count - have)
            bits |= bits << step * more
            have += more
    return bits


def holds(values: Progressions, value: int) -> bool:
    """Whether `value` is one of them."""
    if len(values) == 1:
        step, count = values[0]
        return value % step == 0 and 0 <= value < step * count
    return value >= 0 and bool(_bits(values) >> value & 1)


@lru_cache(maxsize=1 << 14)
def union_size(products: tuple[tuple[Values, ...], ...]) -> int:
    """Points of a union of products of value sets, all of the same dimensions.

    Dimension by dimension: the values that the same products share are counted at once. What
    schedules of one nest ask for is much the same, so it is kept.
    """
    if not products[0]:
        return 1
    heads = dict.fromkeys(one[0] for one in products)
    if len(heads) == 1:
        return size(products[0][0][1]) * union_size(tuple(one[1:] for one in products))
    return sum(
        count * union_size(tuple(one[1:] for one in products if one[0] in shared))
        for count, shared in _cells(list(heads))
    )


def _cells(sets: Sequence[Values]) -> list[tuple[int, list[Values]]]:
    """The union of some sets, cut by which of them hold a value: (count, those sets)."""
    start = min(first for first, _ in sets)
    cells: list[tuple[int, list[Values]]] = []
    for one in sets:
        bits = _bits(one[1]) << one[0] - start
        cut: list[tuple[int, list[Values]]] = []
        for cell, shared in cells:
            inside = cell & bits
            if inside:
                cut.append((inside, [*shared, one]))
            if cell != inside:
                cut.append((cell ^ inside, shared))
            bits &= ~inside
        if bits:
            cut.append((bits, [one]))
        cells = cut
    return [(cell.bit_count(), shared) for cell, shared in cells]
