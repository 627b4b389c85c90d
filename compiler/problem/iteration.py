"""The iterations of a statement as boxes that numpy can compute at once.

Loops that a compound target index (`oh*stride + kh`) or a recurrence ties together are stepped one
iteration at a time, in program order; the rest of a box writes every element once, but for the
loops that it reduces over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import prod

import numpy as np

from compiler.problem.memory import Box
from compiler.problem.primitive import Access, Primitive, Statement

CHUNK = 2**22  # elements of the largest intermediate array
LARGEST_HISTOGRAM = 2**20


def boxes(
    primitive: Primitive, statement: Statement, operands: Sequence[tuple[str, ...]]
) -> Iterator[Box]:
    """All iterations that write inside the target, in program order.

    An array over any of the groups of loops in `operands` has at most CHUNK elements in a box.
    """
    extents = dict(primitive.extents)
    shape = primitive.tensor(statement.target.tensor).shape
    serial = stepped_loops(statement, extents)
    for steps in product(*(range(extents[loop]) for loop in serial)):
        at = dict(zip(serial, steps, strict=True))
        box = {
            loop: (at[loop], 1) if loop in at else (0, extents[loop]) for loop in statement.loops
        }
        live = _clipped(statement.target, shape, box)
        if live is not None:
            yield from _parts(operands, live)


def stepped_loops(statement: Statement, extents: Mapping[str, int]) -> tuple[str, ...]:
    """Loops to step one iteration at a time, in program order, so that the rest is independent."""
    stepped = set(recurrent_loops(statement))
    for index in statement.target.indices:
        tied = [loop for loop in index.loops if loop not in stepped]
        if statement.reduction is None:  # the last write wins: the innermost loop stays a vector
            tied.sort(key=statement.loops.index)
        else:
            tied.sort(key=lambda loop: extents[loop])
        stepped |= set(tied[:-1])
    return tuple(loop for loop in statement.loops if loop in stepped)


def recurrent_loops(statement: Statement) -> tuple[str, ...]:
    """The outer loops that carry the statement's reads of its own target."""
    own = [a for a in statement.reads if a.tensor == statement.target.tensor]
    if statement.reduction is not None:
        return () if not own or _is_pointwise(statement, own) else statement.loops
    depth = 0
    for access in own:
        if access != statement.target:
            depth = max(depth, _carrying_depth(statement, access))
    return statement.loops[:depth]


def _is_pointwise(statement: Statement, own: Sequence[Access]) -> bool:
    """Whether each iteration has an element of its own: `c[i] = max(c[i], 0.1 * c[i])`."""
    indices = statement.target.indices
    return (
        all(access == statement.target for access in own)
        and not statement.reduction_loops
        and all(len(index.terms) < 2 for index in indices)
    )


def meeting(
    statement: Statement, extents: Mapping[str, int]
) -> tuple[tuple[frozenset[str], int], ...]:
    """How many iterations of a reduction meet in one element, by the loops that make them differ.

    A loop that the target does not name has its extent; a compound index (`oh*stride + kh`) the
    most iterations with one value of it. Their product bounds the terms of an element's sum.
    """
    groups = [(frozenset([loop]), extents[loop]) for loop in statement.reduction_loops]
    known: set[str] = set()
    for index in statement.target.indices:
        terms = [(loop, c) for loop, c in index.terms if loop not in known]
        known |= set(index.loops)
        if len(terms) > 1:
            groups.append((frozenset(x for x, _ in terms), _most_equal(terms, extents)))
    return tuple(groups)


def _most_equal(terms: Sequence[tuple[str, int]], extents: Mapping[str, int]) -> int:
    """The most iterations for which `sum(c * loop)` has one value, or a bound of it."""
    reach = sum(abs(c) * (extents[loop] - 1) for loop, c in terms) + 1
    sizes = sorted(extents[loop] for loop, _ in terms)
    if reach > LARGEST_HISTOGRAM:
        return prod(sizes[:-1])
    counts = np.ones(1, np.int64)
    for loop, c in terms:
        steps = np.zeros(abs(c) * (extents[loop] - 1) + 1, np.int64)
        steps[:: abs(c)] = 1
        counts = np.convolve(counts, steps)
    return int(counts.max())


def _carrying_depth(statement: Statement, access: Access) -> int:
    """1 + position of the loop that carries a self-dependence; all loops if it is not uniform."""
    distances = dict.fromkeys(statement.loops, 0)
    for write, read in zip(statement.target.indices, access.indices, strict=True):
        if write.terms != read.terms or len(write.terms) > 1:
            return len(statement.loops)
        if write.terms:
            loop, c = write.terms[0]
            if (write.constant - read.constant) % c:
                return 0  # never the same element
            distances[loop] = (write.constant - read.constant) // c
        elif write.constant != read.constant:
            return 0
    carried = [k for k, loop in enumerate(statement.loops) if distances[loop]]
    return carried[0] + 1 if carried else 0


def _clipped(target: Access, shape: tuple[int, ...], box: Box) -> Box | None:
    """The part of the box that writes inside the target; one free loop at most per dimension."""
    ranges = {loop: (first, first + n) for loop, (first, n) in box.items()}
    for index, size in zip(target.indices, shape, strict=True):
        fixed, free, step = index.constant, "", 0
        for loop, c in index.terms:
            if box[loop][1] == 1:
                fixed += c * box[loop][0]
            else:
                free, step = loop, c
        if not free:
            if not 0 <= fixed < size:
                return None
            continue
        ends = (0 - fixed, size - 1 - fixed) if step > 0 else (size - 1 - fixed, 0 - fixed)
        first, last = -(-ends[0] // step), ends[1] // step
        ranges[free] = (max(ranges[free][0], first), min(ranges[free][1], last + 1))
    if any(last <= first for first, last in ranges.values()):
        return None
    return {loop: (first, last - first) for loop, (first, last) in ranges.items()}


def _parts(operands: Sequence[tuple[str, ...]], box: Box) -> Iterator[Box]:
    """Boxes whose intermediate arrays are of bearable size."""
    largest = max(operands, key=lambda loops: prod(box[loop][1] for loop in loops))
    if prod(box[loop][1] for loop in largest) <= CHUNK:
        yield box
        return
    cut = max(largest, key=lambda loop: box[loop][1])
    first, n = box[cut]
    half = n // 2
    for part in ((first, half), (first + half, n - half)):
        yield from _parts(operands, {**box, cut: part})
