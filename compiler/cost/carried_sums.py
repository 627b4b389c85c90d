"""Reuse that a loop carries inside one index that sums several loops, such as `2*oh + kh`.

A move changes the loops of the index and keeps its sum: oh by 1 and kh by -2. Iterations of which
some move stays in the box are the sources; for two loops they are a box, for three or more (tiles
of oh) a union of few boxes, one for each smallest move.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import prod

Terms = tuple[tuple[int, int], ...]  # (coefficient > 0, extent) by loop, the carrying one first
Iteration = tuple[int, ...]
MOST_MOVES = 20000  # to try: more are for isl


@dataclass(frozen=True)
class CarriedSum:
    """Sources as boxes of (first, last) by loop; the first and the last sink of the first source.

    All in the order of the terms. The first source is the lexicographically smallest.
    """

    sources: tuple[tuple[tuple[int, int], ...], ...]
    first_sink: Iteration
    last_sink: Iteration


class TooManyMoves(Exception):
    """The closed form would take longer than isl."""


@lru_cache(maxsize=1 << 14)
def carried_sum(terms: Terms) -> CarriedSum | None:
    """What the first loop carries, None where nothing: no two values of it give equal sums."""
    if terms[0][0] > _largest(terms[1:]):
        return None
    moves = _smallest(_moves(terms))
    if not moves:
        return None
    extents = [extent for _, extent in terms]
    sources = tuple(
        tuple((max(0, -d), n - 1 - max(0, d)) for d, n in zip(move, extents, strict=True))
        for move in moves
    )
    source = min(tuple(low for low, _ in box) for box in sources)
    total = sum(c * x for (c, _), x in zip(terms, source, strict=True))
    return CarriedSum(
        sources, _extreme(terms, total, 1, False) or (), _extreme(terms, total, 1, True) or ()
    )


def _moves(terms: Terms) -> list[Iteration]:
    """Changes by loop, the first by 1 or more, that keep the sum and fit the extents."""
    spans = [range(1, terms[0][1]), *(range(1 - n, n) for _, n in terms[1:])]
    solved = max(range(len(spans)), key=lambda j: len(spans[j]))
    if prod(len(span) for j, span in enumerate(spans) if j != solved) > MOST_MOVES:
        raise TooManyMoves
    found = []
    for others in product(*(span for j, span in enumerate(spans) if j != solved)):
        move = [*others[:solved], 0, *others[solved:]]
        rest = -sum(c * d for (c, _), d in zip(terms, move, strict=True))
        step, remainder = divmod(rest, terms[solved][0])
        if not remainder and step in spans[solved]:
            move[solved] = step
            found.append(tuple(move))
    return found


def _smallest(moves: Sequence[Iteration]) -> list[Iteration]:
    """Moves without those that go at least as far as another in every loop."""
    kept: list[Iteration] = []
    for move in sorted(moves, key=lambda m: sum(map(abs, m))):
        if not any(
            all(0 <= k <= d or d <= k <= 0 for k, d in zip(small, move, strict=True))
            for small in kept
        ):
            kept.append(move)
    return kept


def _extreme(terms: Terms, total: int, least: int, largest: bool) -> Iteration | None:
    """The lexicographically smallest or largest point that sums to `total`, its first >= least."""
    if not terms:
        return () if total == 0 else None
    (c, extent), rest = terms[0], terms[1:]
    low = max(least, -((_largest(rest) - total) // c))
    span = range(low, min(extent - 1, total // c) + 1)
    for x in reversed(span) if largest else span:
        found = _extreme(rest, total - c * x, 0, largest)
        if found is not None:
            return (x, *found)
    return None


def _largest(terms: Terms) -> int:
    return sum(c * (n - 1) for c, n in terms)
