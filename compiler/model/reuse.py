"""Working sets of a perfect nest by isl, to the letter of the paper's definition.

An iteration x depends on a later y when both touch an element. For each dependence, by pair of
accesses and by the loop that carries it (`{ x -> y }`, equal in the loops before):

    SD = its sources, src = lexmin SD, T = the sinks of src
    I(t) = { x in SD : src <= x <= t }
    (min, max) = distinct elements that the statement touches from I(lexmin T), from I(lexmax T)

Tavarageri et al., PolyDL, ACM TACO 18(1), 2021, doi 10.1145/3433103. I is cut from SD, not from
the domain: the last iterations of the carrying loop are no source and do not count.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import islpy as isl

from compiler.errors import ScheduleError
from compiler.model.isl_names import box, edges, element_map, first_differ
from compiler.model.perfect_nest import PerfectNest

Maps = tuple[tuple[str, isl.Map], ...]  # by tensor, one for each different access
Touched = Mapping[str, isl.Set]  # elements by tensor


def isl_working_sets(nest: PerfectNest, parallel: str | None = None) -> tuple[tuple[int, int], ...]:
    """Sorted pairs (min, max), in elements, without repetition and without those that hold 0 or 1.

    What the loop `parallel` carries has one size in place of two (`_shared`).
    """
    loops = [loop for loop, _ in nest.loops]
    if parallel is not None and parallel not in loops:
        raise ScheduleError(f"parallel loop '{parallel}' is not in the order {', '.join(loops)}")
    domain = box(nest.loops, nest.limits)
    accesses = tuple(
        (access.tensor, element_map(nest.loops, access).intersect_domain(domain))
        for access in dict.fromkeys(nest.accesses)
    )
    found: set[tuple[int, int]] = set()
    for (tensor, first), (other, second) in product(accesses, repeat=2):
        if tensor != other:
            continue
        same = first.apply_range(second.reverse())
        for level, loop in enumerate(loops):
            carried, _ = first_differ(same, level)
            if carried.is_empty():
                continue
            for basic in carried.coalesce().get_basic_maps():
                dependence = basic.to_map()
                if loop == parallel:
                    size = _shared(accesses, dependence.domain(), level)
                    found.add((size, size))
                else:
                    found.add(_least_and_most(accesses, dependence))
    return tuple(sorted(pair for pair in found if not {0, 1} & set(pair)))


def _least_and_most(accesses: Maps, dependence: isl.Map) -> tuple[int, int]:
    sources = dependence.domain()
    first = sources.lexmin()
    sinks = first.apply(dependence)
    space = sources.get_space()
    from_first = sources.intersect(first.apply(isl.Map.lex_le(space)))

    def size_until(last: isl.Set) -> int:
        until = last.apply(isl.Map.lex_ge(space))
        return _size(_footprint(accesses, from_first.intersect(until)))

    return size_until(sinks.lexmin()), size_until(sinks.lexmax())


def _shared(accesses: Maps, sources: isl.Set, level: int) -> int:
    """floor((U - C) * n / 2 + C) of a loop with n iterations that run at once.

    U and C are the sizes of the union and of the intersection of the footprints of its first and
    of its last iteration; all three are those of the dependence's sources.
    """
    first, last, iterations = edges(sources, level)
    one, two = _footprint(accesses, first), _footprint(accesses, last)
    union = _size({tensor: one[tensor].union(two[tensor]) for tensor in one})
    common = _size({tensor: one[tensor].intersect(two[tensor]) for tensor in one})
    return (union - common) * iterations // 2 + common


def _footprint(accesses: Maps, iterations: isl.Set) -> Touched:
    found: dict[str, isl.Set] = {}
    for tensor, access in accesses:
        elements = iterations.apply(access)
        found[tensor] = found[tensor].union(elements) if tensor in found else elements
    return found


def _size(footprint: Touched) -> int:
    sizes = (elements.coalesce().count_val() for elements in footprint.values())
    return sum(int(size.to_python()) for size in sizes)
