"""Which level of the memory hierarchy holds each working set, as the paper places them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from compiler.problem.architecture import CacheLevel
from compiler.problem.dtypes import DType


def level_bytes(
    pairs: Iterable[tuple[int, int]], caches: Sequence[CacheLevel], dtype: DType
) -> dict[str, int]:
    """Bytes held in each cache of a machine, nearest first, and in "memory".

    `pairs` are (min, max) working sets in elements of `dtype`. Greedy, smallest pair first: a level
    that has room left for max takes it, one that has room for min alone takes that, and max still
    goes further out. Every level counts with all of its bytes, as the paper has it for what all
    cores share; a level that is absent holds nothing.
    """
    capacities = [(cache.name, cache.bytes) for cache in caches]
    used = {cache.name: 0 for cache in caches}
    memory = 0
    for least, most in sorted(pairs):
        least_bytes, most_bytes = least * dtype.bytes, most * dtype.bytes
        least_held = most_held = False
        for level, capacity in capacities:
            if not most_held and used[level] + most_bytes <= capacity:
                used[level] += most_bytes
                least_held = most_held = True
            if not least_held and used[level] + least_bytes <= capacity:
                used[level] += least_bytes
                least_held = True
        if not most_held:
            memory += most_bytes
    return {**used, "memory": memory}
