"""The values that indices take over boxes of iterations, and the size of unions of their products.

Over `0 <= x_j < n_j` an index `sum(c_j * x_j)` takes a sum of progressions `{0, c, ..., c*(n-1)}`.
Progressions that continue each other are one: `x < 4, y < 5` makes `4*y + x` the range of 20.
Gaps stay: `3*y + x` with x < 2 leaves out every third value.

Values are counted in closed form where it is known: none is met twice when every step is longer
than all finer ones together, and two progressions meet in a known number of values. All else is
counted on bits, one a value, up to `MOST_VALUES`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate, pairwise
from math import gcd, prod

from compiler.errors import CompilerError

MOST_VALUES = 2**25  # bits of a set, 4 MiB

Progressions = tuple[tuple[int, int], ...]  # (step, count), by rising step
IndexValues = tuple[int, Progressions]  # the smallest value, and what is added to it


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
    if _apart(values):
        return prod(count for _, count in values)
    if len(values) == 2:
        (a, n), (b, m) = values
        common = gcd(a, b)
        # a*i + b*j is a*(i + b) + b*(j - a) again, over gcd(a, b)
        return n * m - max(0, n - b // common) * max(0, m - a // common)
    return _bits(values).bit_count()


def _apart(values: Progressions) -> bool:
    """Whether no value comes of two sums: each step is longer than all finer ones together."""
    spans = accumulate(step * (count - 1) for step, count in values)
    return all(step > span for (step, _), span in zip(values[1:], spans, strict=False))


class TooWide(CompilerError):
    """Indices whose values nobody counts."""


def _end(values: Progressions) -> int:
    """One more than the largest value."""
    return 1 + sum(step * (count - 1) for step, count in values)


def _check_width(width: int) -> None:
    if width > MOST_VALUES:
        raise TooWide(f"working sets: an index spreads over {width} values; 2**25 are analysed")


@lru_cache(maxsize=1 << 7)
def _bits(values: Progressions) -> int:
    """Bit v is set for each value v."""
    _check_width(_end(values))
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
    if not _apart(values):
        return value >= 0 and bool(_bits(values) >> value & 1)
    for step, count in reversed(values):
        taken = min(max(value, 0) // step, count - 1)
        value -= step * taken
    return value == 0


@lru_cache(maxsize=1 << 14)
def union_size(products: tuple[tuple[IndexValues, ...], ...]) -> int:
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


def _cells(sets: Sequence[IndexValues]) -> list[tuple[int, list[IndexValues]]]:
    """The union of some sets, cut by which of them hold a value: (count, those sets)."""
    start = min(first for first, _ in sets)
    if all(len(values) == 1 and values[0][0] == 1 for _, values in sets):
        return _cells_of_ranges(sets)
    _check_width(max(first + _end(values) for first, values in sets) - start)
    cells: list[tuple[int, list[IndexValues]]] = []
    for one in sets:
        bits = _bits(one[1]) << one[0] - start
        cut: list[tuple[int, list[IndexValues]]] = []
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


def _cells_of_ranges(sets: Sequence[IndexValues]) -> list[tuple[int, list[IndexValues]]]:
    """The same for sets without gaps, however long they are."""
    ends = sorted({at for first, values in sets for at in (first, first + _end(values))})
    cells: dict[tuple[IndexValues, ...], int] = {}
    for low, high in pairwise(ends):
        shared = tuple(one for one in sets if one[0] <= low and high <= one[0] + _end(one[1]))
        if shared:
            cells[shared] = cells.get(shared, 0) + high - low
    return [(count, list(shared)) for shared, count in cells.items()]
