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

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from compiler.cost.carried_sums import Iteration, carried_sum
from compiler.cost.index_values import IndexValues, holds, merged, size, union_size

Intervals = tuple[tuple[int, int], ...]  # (first, last) by loop, outermost first
Part = tuple[Intervals, int]  # and a bit for each loop that does not run over all of its extent
Use = tuple[int, int, int]  # access, dimension, coefficient
LeastMost = tuple[int, int]  # a working set, in elements


@dataclass(frozen=True)
class _Dependence:
    """Boxes of sources, and the first and the last sink of the first source."""

    sources: tuple[Intervals, ...]
    first_sink: Iteration
    last_sink: Iteration


@dataclass(frozen=True)
class _Index:
    """One dimension of an access as the loops of a suffix move it.

    `terms` are (loop, coefficient), outermost first, `loops` has a bit for each of them, `values`
    are what the index takes over the whole suffix.
    """

    terms: tuple[tuple[int, int], ...] = ()
    loops: int = 0
    values: IndexValues = (0, ())

    def inside_of(self, loop: int, extent: int, c: int) -> _Index:
        """The index when a loop of `extent` iterations, numbered `loop`, goes around the suffix."""
        values = merged((*self.values[1], (c, extent)))
        return _Index(((loop, c), *self.terms), self.loops | 1 << -loop, (0, values))


class Suffix:
    """A loop of `extent` iterations that indices use, and the suffix inside it.

    Loops are counted from the innermost, -1, so that a number means the same in every suffix.
    """

    extents: Iteration
    indices: tuple[dict[int, _Index], ...]  # by access and dimension, where any loop moves it
    elements: tuple[int, ...]  # by access, over the whole suffix

    def __init__(self, extent: int, uses: tuple[Use, ...], inside: Suffix) -> None:
        self._uses = uses
        self._inside = inside
        self.extents = (extent, *inside.extents)
        indices = [*inside.indices]
        elements = [*inside.elements]
        for access, dimension, c in uses:
            before = indices[access].get(dimension, _Index())
            after = before.inside_of(-len(self.extents), extent, c)
            indices[access] = {**indices[access], dimension: after}
            elements[access] = elements[access] // size(before.values[1]) * size(after.values[1])
        self.indices, self.elements = tuple(indices), tuple(elements)

    @classmethod
    def innermost(cls, accesses: int) -> Suffix:
        """No loop: one iteration, which touches an element by each access."""
        end = cls.__new__(cls)
        end.extents, end.indices, end.elements = (), ({},) * accesses, (1,) * accesses
        return end

    @cached_property
    def pairs(self) -> frozenset[LeastMost]:
        """(min, max) of every dependence that the loop carries, in elements."""
        found = {self._free_pair()} if self._carries_free() else set()
        for dependence in self._sums():
            least, most = (
                [part for box in dependence.sources for part in self._until(box, sink)]
                for sink in (dependence.first_sink, dependence.last_sink)
            )
            smallest = self._touched(least)
            found.add((smallest, smallest if most == least else self._touched(most)))
        return frozenset(found)

    @cached_property
    def shared(self) -> frozenset[LeastMost]:
        """The same when the loop's n iterations run at once: floor((U - C) * n / 2 + C), twice.

        U and C are the sizes of the union and the intersection of what the sources touch in the
        first and in the last iteration of the loop that has any.
        """
        dependences = [*self._sums()]
        if self._carries_free():
            whole = tuple((0, n - 1) for n in self.extents[1:])
            dependences.append(_Dependence((((0, self.extents[0] - 2), *whole),), (), ()))
        found = set()
        for dependence in dependences:
            last = max(box[0][1] for box in dependence.sources)
            first_ones = [self._part(((0, 0), *box[1:])) for box in dependence.sources]
            last_ones = [
                self._part(((last, last), *box[1:]))
                for box in dependence.sources
                if box[0][1] == last
            ]
            union = self._touched(first_ones + last_ones)
            common = self._touched(first_ones) + self._touched(last_ones) - union
            shared = (union - common) * (last + 1) // 2 + common
            found.add((shared, shared))
        return frozenset(found)

    def _carries_free(self) -> bool:
        """Whether some access does not change with the loop."""
        return len({access for access, _, _ in self._uses}) < len(self.elements)

    def _free_pair(self) -> LeastMost:
        """Sources x_l < n - 1. The first sink (1, 0, ...) ends I after x_l = 0, and may be a source
        itself; the last sink lies behind all sources.
        """
        extent = self.extents[0]
        least, most = [*self._inside.elements], [*self._inside.elements]
        for access, dimension, c in self._uses:
            inside = self._inside.indices[access].get(dimension, _Index()).values[1]
            most[access] //= size(inside)
            most[access] *= size(merged((*inside, (c, extent - 1))))
            least[access] += extent > 2 and not holds(inside, c)
        return sum(least), sum(most)

    def _sums(self) -> Iterator[_Dependence]:
        """What the loop carries in indices that sum it with loops inside."""
        for access, dimension, _ in self._uses:
            index = self.indices[access][dimension]
            if len(index.terms) == 1:
                continue
            carried = carried_sum(tuple((c, self.extents[loop]) for loop, c in index.terms))
            if carried is None:
                continue
            used = 0
            for other in self.indices[access].values():
                used |= other.loops
            count = len(self.extents)
            first = [0] * count
            last = [
                0 if used >> count - place & 1 else n - 1 for place, n in enumerate(self.extents)
            ]
            boxes = [[(0, n - 1) for n in self.extents] for _ in carried.sources]
            for place, (loop, _) in enumerate(index.terms):
                first[loop] = carried.first_sink[place]
                last[loop] = carried.last_sink[place]
                for box, source in zip(boxes, carried.sources, strict=True):
                    box[loop] = source[place]
            yield _Dependence(tuple(map(tuple, boxes)), tuple(first), tuple(last))

    def _touched(self, parts: Sequence[Part]) -> int:
        """Distinct elements that all accesses touch from a union of parts of the suffix."""
        cut = 0
        for _, loops in parts:
            cut |= loops
        total = 0
        for indices, whole in zip(self.indices, self.elements, strict=True):
            moved = [index for index in indices.values() if index.loops & cut]
            if not moved:
                total += whole
                continue
            rest = whole
            for index in moved:
                rest //= size(index.values[1])
            products = dict.fromkeys(
                tuple(
                    [
                        _values(index.terms, box) if index.loops & loops else index.values
                        for index in moved
                    ]
                )
                for box, loops in parts
            )
            total += rest * union_size(tuple(products))
        return total

    def _part(self, box: Intervals) -> Part:
        count = len(box)
        cut = 0
        for place, ((low, high), n) in enumerate(zip(box, self.extents, strict=True)):
            if low or high < n - 1:
                cut |= 1 << count - place
        return box, cut

    def _until(self, box: Intervals, sink: Iteration) -> Iterator[Part]:
        """The iterations of a box up to `sink` in lexicographic order, as disjoint parts."""
        count = len(box)
        whole = count  # from this loop on, the sink is past the end of every loop
        while whole and sink[whole - 1] >= box[whole - 1][1]:
            whole -= 1
        cut = self._part(box)[1]
        fixed: Intervals = ()
        for place, ((low, high), last) in enumerate(zip(box, sink, strict=True)):
            complete = place + 1 >= whole
            end = min(high, last if complete else last - 1)
            if low <= end:
                part = (*fixed, (low, end), *box[place + 1 :])
                own = 1 << count - place if low or end < self.extents[place] - 1 else 0
                yield part, cut & ~(1 << count - place) | own
            if complete or not low <= last <= high:
                return
            fixed = (*fixed, (last, last))
            cut |= 1 << count - place


def _values(terms: tuple[tuple[int, int], ...], box: Intervals) -> IndexValues:
    """The values of an index over a box."""
    first = 0
    progressions = []
    for loop, c in terms:
        low, high = box[loop]
        first += c * low
        if high > low:
            progressions.append((c, high - low + 1))
    return first, merged(tuple(progressions))
