"""What a primitive computes, from its own statements, with numpy in float64.

A statement runs on boxes of its loops: every access is a strided view of a padded tensor, a sum of
products of two reads is a batched matrix product, anything else is evaluated element by element
and reduced. Loops that a compound target index (`oh*stride + kh`) or a recurrence ties together
are stepped one iteration at a time, in program order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np
import numpy.typing as npt

from compiler.problem.evaluation import Array, factors_of, is_curved, magnitude_of, value_of
from compiler.problem.memory import Box, Memory, memory_of
from compiler.problem.primitive import Access, Primitive, Statement
from compiler.problem.samples import Points, has_recurrence, sampled_elements
from compiler.problem.sampling import border_points, random_inputs

__all__ = [
    "border_points",
    "magnitude",
    "random_inputs",
    "reduction_length",
    "reference",
    "sampled",
]

Inputs = Mapping[str, npt.NDArray[np.generic]]
CHUNK = 2**22  # elements of the largest intermediate array


def reference(primitive: Primitive, inputs: Inputs) -> dict[str, Array]:
    """Every output in float64, logical shape; `inputs` holds inputs and accumulated outputs."""
    values = memory_of(primitive, inputs, absolute=False)
    with np.errstate(all="ignore"):
        for statement in primitive.statements:
            _run(primitive, statement, values, None)
    return _outputs(primitive, values)


def magnitude(primitive: Primitive, inputs: Inputs) -> dict[str, Array]:
    """The scale of every output's rounding errors: the statements on absolute values.

    See `magnitude_of` for what replaces functions that are neither sums nor products.
    """
    magnitudes = memory_of(primitive, inputs, absolute=True)
    curved = any(is_curved(s.value) for s in primitive.statements)
    values = memory_of(primitive, inputs, absolute=False) if curved else magnitudes
    with np.errstate(all="ignore"):
        for statement in primitive.statements:
            _run(primitive, statement, values, magnitudes)
            if curved:
                _run(primitive, statement, values, None)
    return _outputs(primitive, magnitudes)


def sampled(
    primitive: Primitive, inputs: Inputs, points: Mapping[str, Points]
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Values and magnitudes of the outputs at `points` (count, rank) only.

    A recurrence is computed in full: its elements depend on each other.
    """
    if not has_recurrence(primitive):
        return sampled_elements(primitive, inputs, points)
    full = reference(primitive, inputs), magnitude(primitive, inputs)
    first, second = (
        {name: found[name][tuple(chosen.T)] for name, chosen in points.items()} for found in full
    )
    return first, second


def reduction_length(primitive: Primitive) -> int:
    """Terms that flow into one output element: the K of the tolerance, product over statements."""
    extents = dict(primitive.extents)
    return prod(extents[loop] for s in primitive.statements for loop in s.reduction_loops)


def _outputs(primitive: Primitive, memory: Memory) -> dict[str, Array]:
    names = (t.name for t in primitive.tensors if t.role == "output")
    return {name: np.ascontiguousarray(memory.interior(name)) for name in names}


@dataclass(frozen=True)
class _Job:
    """A statement to run on values, or on magnitudes when these are given."""

    statement: Statement
    values: Memory
    magnitudes: Memory | None
    shape: tuple[int, ...]  # of the target

    @property
    def memory(self) -> Memory:
        return self.values if self.magnitudes is None else self.magnitudes

    @property
    def pair(self) -> tuple[float, Access, Access] | None:
        """(number, a, b) of `target += number * a * b`."""
        found = factors_of(self.statement.value) if self.statement.reduction == "add" else None
        if found is None or len(found[1]) != 2:
            return None
        return (found[0] if self.magnitudes is None else abs(found[0])), *found[1]


def _run(
    primitive: Primitive, statement: Statement, values: Memory, magnitudes: Memory | None
) -> None:
    extents = dict(primitive.extents)
    job = _Job(statement, values, magnitudes, primitive.tensor(statement.target.tensor).shape)
    serial = stepped_loops(statement, extents)
    for steps in product(*(range(extents[loop]) for loop in serial)):
        at = dict(zip(serial, steps, strict=True))
        box = {
            loop: (at[loop], 1) if loop in at else (0, extents[loop]) for loop in statement.loops
        }
        live = _clipped(statement.target, job.shape, box)
        if live is not None:
            for part in _parts(job, live):
                _compute(job, part)


def stepped_loops(statement: Statement, extents: Mapping[str, int]) -> tuple[str, ...]:
    """Loops to step one iteration at a time, in program order, so that the rest is independent."""
    recurrent = _recurrent_loops(statement)
    stepped = set(recurrent)
    for index in statement.target.indices:
        tied = [loop for loop in index.loops if loop not in stepped]
        if statement.reduction is None:  # the last write wins: the innermost loop stays a vector
            tied.sort(key=statement.loops.index)
        else:
            tied.sort(key=lambda loop: extents[loop])
        stepped |= set(tied[:-1])
    return tuple(loop for loop in statement.loops if loop in stepped)


def _recurrent_loops(statement: Statement) -> tuple[str, ...]:
    """The outer loops that carry the statement's reads of its own target."""
    own = [a for a in statement.reads if a.tensor == statement.target.tensor]
    if statement.reduction is not None:
        return statement.loops if own else ()
    depth = 0
    for access in own:
        if access != statement.target:
            depth = max(depth, _carrying_depth(statement, access))
    return statement.loops[:depth]


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


def _parts(job: _Job, box: Box) -> Iterator[Box]:
    """Boxes whose intermediate arrays are of bearable size."""
    operands = [job.statement.loops]
    if job.pair is not None:
        operands = [_loops(access) for access in (*job.pair[1:], job.statement.target)]
    largest = max(operands, key=lambda loops: prod(box[loop][1] for loop in loops))
    if prod(box[loop][1] for loop in largest) <= CHUNK:
        yield box
        return
    cut = max(largest, key=lambda loop: box[loop][1])
    first, n = box[cut]
    half = n // 2
    for part in ((first, half), (first + half, n - half)):
        yield from _parts(job, {**box, cut: part})


def _loops(access: Access) -> tuple[str, ...]:
    return tuple(dict.fromkeys(loop for index in access.indices for loop in index.loops))


def _compute(job: _Job, box: Box) -> None:
    statement, memory = job.statement, job.memory
    target = memory.view(statement.target, box)
    kept = _loops(statement.target)
    summed = tuple(axis for axis, loop in enumerate(box) if loop not in kept)
    if job.pair is not None:
        target += job.pair[0] * _contraction(job.pair[1], job.pair[2], memory, box, set(kept))
        return
    if job.magnitudes is None:
        found = value_of(statement.value, lambda access: memory.view(access, box))
    else:
        found = magnitude_of(
            statement.value,
            lambda access: job.values.view(access, box),
            lambda access: memory.view(access, box),
        )
    if statement.reduction is None:
        target[...] = found
        return
    found = np.broadcast_to(found, [n for _, n in box.values()])
    if statement.reduction == "add":
        target += found.sum(axis=summed, keepdims=True)
    elif statement.reduction == "max" or job.magnitudes is not None:
        np.maximum(target, found.max(axis=summed, keepdims=True), out=target)
    else:
        np.minimum(target, found.min(axis=summed, keepdims=True), out=target)


def _contraction(one: Access, two: Access, memory: Memory, box: Box, kept: set[str]) -> Array:
    """sum over the loops not kept of one * two, as a batched matrix product; an axis per loop."""
    first, second = set(_loops(one)), set(_loops(two))
    a, b = memory.view(one, box), memory.view(two, box)
    loops = list(box)
    both, reduced = first & second, set(loops) - kept
    repeated = prod(box[loop][1] for loop in reduced - first - second)
    a = a.sum(axis=tuple(loops.index(x) for x in reduced & (first - both)), keepdims=True)
    b = b.sum(axis=tuple(loops.index(x) for x in reduced & (second - both)), keepdims=True)
    batch = [x for x in loops if x in both and x in kept]
    rows = [x for x in loops if x in first - both and x in kept]
    columns = [x for x in loops if x in second - both and x in kept]
    inner = [x for x in loops if x in both and x in reduced]
    size = {loop: n for loop, (_, n) in box.items()}

    def flat(array: Array, groups: list[list[str]]) -> Array:
        named = [x for group in groups for x in group]
        rest = [x for x in loops if x not in named]
        axes = [loops.index(x) for x in (*rest, *named)]
        return array.transpose(axes).reshape([prod(size[x] for x in group) for group in groups])

    found = np.matmul(flat(a, [batch, rows, inner]), flat(b, [batch, inner, columns]))
    order = [*batch, *rows, *columns]
    shaped = found.reshape([size[x] for x in order] + [1] * (len(loops) - len(order)))
    places = [*order, *(x for x in loops if x not in order)]
    return np.asarray(repeated * shaped.transpose([places.index(x) for x in loops]))
