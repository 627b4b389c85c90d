"""Working sets of a nest in closed form; `compiler.model.reuse` holds their definition.

Schedules that end alike share the suffixes of their nests, so thousands of them take little more
than what differs. What the closed form does not cover goes to isl: two accesses to one tensor, a
loop in two dimensions of an access, negative coefficients, a domain that is no box.
"""

from __future__ import annotations

from collections.abc import Iterator

from compiler.cost.carried_sums import TooManyMoves
from compiler.cost.nest_suffix import LeastMost, Suffix, Use
from compiler.errors import ScheduleError
from compiler.model.perfect_nest import PerfectNest
from compiler.model.reuse import isl_working_sets


def working_sets(nest: PerfectNest, parallel: str | None = None) -> tuple[LeastMost, ...]:
    """Sorted pairs (min, max), in elements; what the loop `parallel` carries has one size twice.

    ScheduleError when the nest has no loop of that name.
    """
    return WorkingSets().of(nest, parallel)


class WorkingSets:
    """Working sets of many nests; what they share is worked out once."""

    def __init__(self) -> None:
        self._suffixes: dict[tuple[int, tuple[Use, ...], Suffix], Suffix] = {}
        self._ends: dict[int, Suffix] = {}

    def of(self, nest: PerfectNest, parallel: str | None = None) -> tuple[LeastMost, ...]:
        """As the function `working_sets`."""
        loops = [loop for loop, _ in nest.loops]
        if parallel is not None and parallel not in loops:
            known = ", ".join(loops)
            raise ScheduleError(f"parallel loop '{parallel}' is not in the order {known}")
        if not _closed(nest):
            return isl_working_sets(nest, parallel)
        found: set[LeastMost] = set()
        try:
            for loop, suffix in self._suffixes_of(nest):
                found |= suffix.shared if loop == parallel else suffix.pairs
        except TooManyMoves:
            return isl_working_sets(nest, parallel)
        return tuple(sorted(pair for pair in found if min(pair) > 1))

    def _suffixes_of(self, nest: PerfectNest) -> Iterator[tuple[str, Suffix]]:
        """Each loop of more than one iteration with its suffix, innermost first."""
        uses: dict[str, list[Use]] = {loop: [] for loop, _ in nest.loops}
        accesses = tuple(dict.fromkeys(nest.accesses))
        for number, access in enumerate(accesses):
            for dimension, index in enumerate(access.indices):
                for loop, c in index.terms:
                    uses[loop].append((number, dimension, c))
        if len(accesses) not in self._ends:
            self._ends[len(accesses)] = Suffix.innermost(len(accesses))
        suffix = self._ends[len(accesses)]
        for loop, extent in reversed(nest.loops):
            if extent == 1:
                continue
            key = (extent, tuple(uses[loop]), suffix)
            if key not in self._suffixes:
                self._suffixes[key] = Suffix(*key)
            suffix = self._suffixes[key]
            yield loop, suffix


def _closed(nest: PerfectNest) -> bool:
    """Whether the closed form covers the nest."""
    accesses = set(nest.accesses)
    if nest.limits or len({access.tensor for access in accesses}) < len(accesses):
        return False
    for access in accesses:
        terms = [term for index in access.indices for term in index.terms]
        if len({loop for loop, _ in terms}) < len(terms) or any(c < 0 for _, c in terms):
            return False
    return True
