"""A sum of products of two reads on a box, as a batched matrix product at the speed of BLAS."""

from __future__ import annotations

from math import prod

import numpy as np

from compiler.problem.evaluation import Array, factors_of
from compiler.problem.memory import Box, Memory
from compiler.problem.primitive import Access, Statement

Factored = tuple[float, Access, Access]


def pair_of(statement: Statement) -> Factored | None:
    """(number, a, b) of `target += number * a * b`."""
    found = factors_of(statement.value) if statement.reduction == "add" else None
    if found is None or len(found[1]) != 2:
        return None
    return found[0], *found[1]


def summed_products(pair: Factored, memory: Memory, box: Box, kept: set[str]) -> Array:
    """number * the sum over the loops not kept of a * b; an axis per loop of the box."""
    number, one, two = pair
    first, second = set(one.loops), set(two.loops)
    loops = list(box)
    both, reduced = first & second, set(loops) - kept
    repeated = prod(box[loop][1] for loop in reduced - first - second)
    a = _summed(one, memory, box, reduced & (first - both))
    b = _summed(two, memory, box, reduced & (second - both))
    batch = [x for x in loops if x in both and x in kept]
    rows = [x for x in loops if x in first - both and x in kept]
    columns = [x for x in loops if x in second - both and x in kept]
    inner = [x for x in loops if x in both and x in reduced]
    size = {loop: n for loop, (_, n) in box.items()}

    def flat(array: Array, tensor: str, groups: list[list[str]]) -> Array:
        named = [x for group in groups for x in group]
        rest = [x for x in loops if x not in named]
        axes = [loops.index(x) for x in (*rest, *named)]
        taken = memory.taken(tensor, array.transpose(axes))
        return taken.reshape([prod(size[x] for x in group) for group in groups])

    left = flat(a, one.tensor, [batch, rows, inner])
    found = np.matmul(left, flat(b, two.tensor, [batch, inner, columns]))
    order = [*batch, *rows, *columns]
    shaped = found.reshape([size[x] for x in order] + [1] * (len(loops) - len(order)))
    places = [*order, *(x for x in loops if x not in order)]
    scale = abs(number) if memory.absolute else number
    if scale * repeated != 1:
        shaped = shaped * memory.precision(scale * repeated)
    return np.asarray(shaped.transpose([places.index(x) for x in loops]))


def _summed(access: Access, memory: Memory, box: Box, loops: set[str]) -> Array:
    """What is read, summed over the loops that the other factor does not have."""
    if not loops:
        return memory.view(access, box)
    axes = tuple(list(box).index(x) for x in loops)
    return np.asarray(memory.read(access, box).sum(axis=axes, keepdims=True))
