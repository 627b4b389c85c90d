"""A loop of a nest and all that is inside it: what that loop carries, in closed form.

What a loop carries does not depend on the loops around it, which stay at 0. With one access a
tensor and no loop in two dimensions of an access, two iterations touch the same element if and
only if each index alone has the same value. So loop l carries, by access:

    l in no index                   sources x_l < n_l - 1
    l in an index with loops inside those of `carried_sums`, the other loops free
    l alone in its index            nothing

I(t) is cut from these boxes into one slab for each loop at which an iteration first falls behind
t. The working set is the size of the union of the slabs' images.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from compiler.cost.carried_sums import Point, carried_sum
from compiler.cost.index_values import Values, merged, union_size

Box = tuple[tuple[int, int], ...]  # (first, last) by loop, outermost first
Use = tuple[int, int, int]  # access, dimension, coefficient
Pair = tuple[int, int]


@dataclass(frozen=True)
class _Dependence:
    """Boxes of sources, and the first and the last sink of the first source."""

    sources: tuple[Box, ...]
    first_sink: Point
    last_sink: Point


class Suffix:
    """A loop of `extent` iterations that indices use, and the suffix inside it.

    Loops are counted from the innermost, -1, so that a number means the same in every suffix.
    """

    _uses: tuple[Use, ...]
    _extents: Point
    _indices: tuple[dict[int, tuple[tuple[int, int], ...]], ...]

    def __init__(self, extent: int, uses: tuple[Use, ...], inside: Suffix) -> None:
        self._uses = uses
        self._extents = (extent, *inside._extents)
        # (loop, coefficient) of the loops in each index, outermost first, by access and dimension
        self._indices = inside._indices
        if uses:
            self._indices = tuple(dict(index) for index in inside._indices)
            for access, dimension, c in uses:
                index = self._indices[access]
                own = (-len(self._extents), c)
                index[dimension] = (own, *index.get(dimension, ()))

    @classmethod
    def innermost(cls, accesses: int) -> Suffix:
        """No loop: one iteration, which touches an element by each access."""
        end = cls.__new__(cls)
        end._uses, end._extents, end._indices = (), (), tuple({} for _ in range(accesses))
        return end

    @cached_property
    def pairs(self) -> frozenset[Pair]:
        """(min, max) of every dependence that the loop carries, in elements."""
        found = set()
        for dependence in self._dependences():
            least, most = (
                [slab for box in dependence.sources for slab in _until(box, sink)]
                for sink in (dependence.first_sink, dependence.last_sink)
            )
            smallest = self._elements(least)
            found.add((smallest, smallest if most == least else self._elements(most)))
        return frozenset(found)

    @cached_property
    def shared(self) -> frozenset[Pair]:
        """The same when the loop's n iterations run at once: floor((U - C) * n / 2 + C), twice.

        U and C are the sizes of the union and the intersection of what the sources touch in the
        first and in the last iteration of the loop that has any.
        """
        found = set()
        for dependence in self._dependences():
            last = max(box[0][1] for box in dependence.sources)
            first_ones = [((0, 0), *box[1:]) for box in dependence.sources]
            last_ones = [((last, last), *b[1:]) for b in dependence.sources if b[0][1] == last]
            union = self._elements(first_ones + last_ones)
            common = self._elements(first_ones) + self._elements(last_ones) - union
            size = (union - common) * (last + 1) // 2 + common
            found.add((size, size))
        return frozenset(found)

    def _dependences(self) -> Iterator[_Dependence]:
        extent, count = self._extents[0], len(self._extents)
        if len({access for access, _, _ in self._uses}) < len(self._indices):
            free = tuple((0, n - 1) for n in self._extents[1:])
            inside = (0,) * (count - 1)
            # The last sink lies behind all sources, whatever its inner loops.
            yield _Dependence((((0, extent - 2), *free),), (1, *inside), (extent - 1, *inside))
        for access, dimension, _ in self._uses:
            index = self._indices[access][dimension]
            if len(index) == 1:
                continue
            carried = carried_sum(tuple((c, self._extents[loop]) for loop, c in index))
            if carried is None:
                continue
            used = {loop for terms in self._indices[access].values() for loop, _ in terms}
            first = [0] * count
            last = [0 if loop - count in used else n - 1 for loop, n in enumerate(self._extents)]
            boxes = [[(0, n - 1) for n in self._extents] for _ in carried.sources]
            for place, (loop, _) in enumerate(index):
                first[loop] = carried.first_sink[place]
                last[loop] = carried.last_sink[place]
                for box, source in zip(boxes, carried.sources, strict=True):
                    box[loop] = source[place]
            yield _Dependence(tuple(map(tuple, boxes)), tuple(first), tuple(last))

    def _elements(self, boxes: list[Box]) -> int:
        """Distinct elements that all accesses touch from a union of boxes."""
        return sum(
            union_size(tuple(_values(terms, box) for terms in index.values()) for box in boxes)
            for index in self._indices
        )


def _values(terms: tuple[tuple[int, int], ...], box: Box) -> Values:
    first = sum(c * box[loop][0] for loop, c in terms)
    return first, merged(tuple((c, box[loop][1] - box[loop][0] + 1) for loop, c in terms))


def _until(box: Box, sink: Point) -> Iterator[Box]:
    """The iterations of a box up to `sink` in lexicographic order, as disjoint boxes."""
    whole = len(box)  # from this loop on, the sink is past the end of every loop
    while whole and sink[whole - 1] >= box[whole - 1][1]:
        whole -= 1
    for loop, ((low, high), last) in enumerate(zip(box, sink, strict=True)):
        complete = loop + 1 >= whole
        end = min(high, last if complete else last - 1)
        if low <= end:
            yield (*((x, x) for x in sink[:loop]), (low, end), *box[loop + 1 :])
        if complete or not low <= last <= high:
            return
