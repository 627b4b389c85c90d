"""Random levels, tiles and parallel loops for any nest; none of it is chosen to be legal."""

from __future__ import annotations

from random import Random

from compiler.problem.primitive import Primitive
from compiler.schedule.schedule import Band, Schedule, loop_of


def random_schedule(nest: Primitive, random: Random) -> Schedule:
    """A schedule that fits the nest's loops, with vectors where there is one to fill them."""
    reduction = {loop for s in nest.statements for loop in s.reduction_loops}
    kept = [loop for loop, _ in nest.extents if loop not in reduction]
    vector = (random.choice(kept), random.choice([1, 2, 4])) if kept else ("", 1)
    tile, block, chains = [], [], []
    for loop, extent in nest.extents:
        if loop in kept and random.random() < 0.5:
            tile.append((loop, random.randint(1, extent)))
        depth = random.choice([0, 0, 1, 2])
        size = 1
        for level in range(1, depth + 1):
            size *= random.randint(1, 3)
            block.append((f"{loop}@{level}", size))
        chains.append([loop if level == 0 else f"{loop}@{level}" for level in range(depth, -1, -1)])
    order: list[str] = []
    while any(chains):
        order.append(random.choice([c for c in chains if c]).pop(0))
    if random.random() < 0.3:  # the original order of the loops, strip-mined
        order.sort(key=lambda level: [loop for loop, _ in nest.extents].index(loop_of(level)))
    parallel = tuple(level for level in order if random.random() < 0.2)
    first = {loop: next(level for level in order if loop_of(level) == loop) for loop in reduction}
    private = tuple(
        dict.fromkeys(
            (s.target.tensor, level)
            for s in nest.statements
            for level in parallel
            if loop_of(level) in s.reduction_loops and first[loop_of(level)] == level
            if random.random() < 0.5
        )
    )
    scheme = "broadcast" if kept else "scalar"
    band = Band(scheme, tuple(order), vector, tuple(tile), tuple(block), parallel, private)
    return Schedule((band,))
