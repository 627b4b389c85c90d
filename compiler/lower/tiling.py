"""How register tiles cut a loop: pieces of nearly equal size, no remainder."""

from __future__ import annotations

from compiler.lower.tree import Grain, Runs


def balanced(count: int, limit: int) -> Runs:
    """Pieces of at most `limit` that cover `count`, sizes differing by one at most.

    Runs of (pieces, size), larger size first: 17 by 6 is ((2, 6), (1, 5)), not 6 + 6 + 5 + a rest.
    """
    pieces = -(-count // limit)
    size, larger = divmod(count, pieces)
    runs = [(larger, size + 1), (pieces - larger, size)]
    return tuple((n, s) for n, s in runs if n)


def whole_tiles(count: int, limit: int) -> Runs:
    """Pieces of exactly `limit` that cover `count`, and one of what is left.

    Of a reduction, whose pieces share their accumulators: 17 by 6 is ((2, 6), (1, 5)).
    """
    runs = ((count // limit, limit), (1, count % limit))
    return tuple((n, s) for n, s in runs if n and s)


def register_tiles(loop: str, extent: int, limit: int, lanes: int = 1) -> Grain:
    """A loop of the output in balanced tiles of at most `limit` vectors of so many lanes."""
    return Grain(loop, extent, balanced(-(-extent // lanes), limit), lanes)
