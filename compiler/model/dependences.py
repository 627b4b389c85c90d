"""Dependences of a nest by isl: which iteration must see, or not yet see, what another wrote.

They are memory-based: every pair of iterations that touch one element, the earlier first, and at
least one writes (or both read, for reuse). A reduction's pairs may run in any order, but never at
once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import islpy as isl

from compiler.model.isl_names import access_map, distances, domain, original_order
from compiler.problem.primitive import Access, Primitive

Kind = Literal["RAW", "WAR", "WAW", "RAR"]
Domain = Callable[[Primitive, int], isl.Set]


@dataclass(frozen=True)
class Dependence:
    """`relation` maps source iterations to later sink iterations, `{ S0[...] -> S1[...] }`.

    `distances` holds, by loop, the least and largest sink minus source of a statement's dependence
    on itself; None where it has no bound.
    """

    kind: Kind
    source: int
    sink: int
    tensor: str
    reduction: bool  # between iterations of one reduction on its own target
    source_access: Access
    sink_access: Access
    relation: isl.Map
    distances: tuple[tuple[str, tuple[int | None, int | None]], ...] = ()

    def __str__(self) -> str:
        mark = " (reduction)" if self.reduction else ""
        return f"{self.kind} {self.tensor} S{self.source}->S{self.sink}{mark}"


def dependences(nest: Primitive, reuse: bool = True) -> tuple[Dependence, ...]:
    """All dependences of a nest on its domain, padding left out; `reuse` adds read-after-read."""
    found: list[Dependence] = []
    for source in range(len(nest.statements)):
        for sink in range(source, len(nest.statements)):
            found += between(nest, source, sink, domain, reuse)
    return tuple(found)


def between(
    nest: Primitive, source: int, sink: int, points: Domain, reuse: bool = False
) -> tuple[Dependence, ...]:
    """Dependences from one statement to another (or to itself) on a domain of the caller's."""
    found: list[Dependence] = []
    for kind, first, second, reduction in _pairs(nest, source, sink):
        if kind == "RAR" and not reuse:
            continue
        one = access_map(nest, source, first).intersect_domain(points(nest, source))
        two = access_map(nest, sink, second).intersect_domain(points(nest, sink))
        relation = one.apply_range(two.reverse()).intersect(original_order(nest, source, sink))
        if relation.is_empty():
            continue
        spans = distances(relation, nest.statements[source].loops) if source == sink else {}
        found.append(
            Dependence(
                kind,
                source,
                sink,
                first.tensor,
                reduction,
                first,
                second,
                relation.coalesce(),
                tuple(spans.items()),
            )
        )
    return tuple(found)


def _pairs(nest: Primitive, source: int, sink: int) -> Iterator[tuple[Kind, Access, Access, bool]]:
    """Pairs of accesses to one tensor, (kind, source's, sink's, both a reduction's own)."""
    first, second = nest.statements[source], nest.statements[sink]
    own = source == sink and first.reduction is not None
    accesses_of_first = [(first.target, True), *((a, False) for a in dict.fromkeys(first.reads))]
    accesses_of_second = [(second.target, True), *((a, False) for a in dict.fromkeys(second.reads))]
    if first.reduction is not None:
        accesses_of_first.insert(1, (first.target, False))
    if second.reduction is not None:
        accesses_of_second.insert(1, (second.target, False))
    seen: set[tuple[Access, Access, bool, bool]] = set()
    for one, writes in accesses_of_first:
        for two, rewrites in accesses_of_second:
            if one.tensor != two.tensor or (one, two, writes, rewrites) in seen:
                continue
            seen.add((one, two, writes, rewrites))
            reduction = own and one == first.target == two and first.target not in first.reads
            if reduction and not writes and not rewrites:
                continue  # reading the target twice is no reuse of its own
            yield _kind(writes, rewrites), one, two, reduction


def _kind(writes: bool, rewrites: bool) -> Kind:
    if writes:
        return "WAW" if rewrites else "RAW"
    return "WAR" if rewrites else "RAR"
