"""Chosen elements of a primitive's outputs, for problems too large to compute in full.

Elements are computed on demand: those of an output ask for the elements of the temporaries that
they read, statement by statement backwards. Nothing but the asked elements is ever computed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import inf, prod

import numpy as np
import numpy.typing as npt

from compiler.problem.evaluation import Array, magnitude_of, value_of
from compiler.problem.memory import starting_values
from compiler.problem.primitive import Access, Affine, Primitive, Statement

Points = npt.NDArray[np.int64]  # (count, rank)
Indices = tuple[Points, ...]  # one array per dimension, all of one shape
GATHERED = 2**21  # elements gathered at once


def sampled_elements(
    primitive: Primitive,
    inputs: Mapping[str, npt.NDArray[np.generic]],
    points: Mapping[str, Points],
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Values and magnitudes of the outputs at `points` (count, rank), in their order."""
    starts = {t.name: starting_values(primitive, t, inputs) for t in primitive.tensors}
    sampler = _Sampler(primitive, starts)
    values: dict[str, Array] = {}
    magnitudes: dict[str, Array] = {}
    last = len(primitive.statements)
    with np.errstate(all="ignore"):
        for name, chosen in points.items():
            columns = tuple(np.asarray(chosen[:, d], np.int64) for d in range(chosen.shape[1]))
            values[name], magnitudes[name] = sampler.elements(name, columns, last)
    return values, magnitudes


def has_recurrence(primitive: Primitive) -> bool:
    """Whether some statement reads other elements of its own target, which samples cannot do."""
    return any(
        access.tensor == s.target.tensor and (access != s.target or s.reduction is not None)
        for s in primitive.statements
        for access in s.reads
    )


@dataclass(frozen=True)
class _Sampler:
    primitive: Primitive
    starts: Mapping[str, Array | float]

    def elements(self, name: str, where: Indices, before: int) -> tuple[Array, Array]:
        """(values, magnitudes) of a tensor at indices, as they stand before a statement."""
        tensor = self.primitive.tensor(name)
        inside = np.ones(where[0].shape, bool)
        for index, size in zip(where, tensor.shape, strict=True):
            inside &= (index >= 0) & (index < size)
        if not inside.all():
            outside = 0.0 if tensor.outside is None else tensor.outside
            values = np.full(inside.shape, outside)
            magnitudes = np.full(inside.shape, 0.0 if np.isinf(outside) else abs(outside))
            part = tuple(index[inside] for index in where)
            values[inside], magnitudes[inside] = self.elements(name, part, before)
            return values, magnitudes
        start = self.starts[name]
        values = np.full(where[0].shape, start) if isinstance(start, float) else start[where]
        magnitudes = np.where(np.isinf(values), 0.0, np.abs(values))
        for number in range(before):
            statement = self.primitive.statements[number]
            if statement.target.tensor == name:
                self._apply(number, where, values, magnitudes)
        return values, magnitudes

    def _apply(self, number: int, where: Indices, values: Array, magnitudes: Array) -> None:
        """Let one statement change the elements that it writes, in program order."""
        statement = self.primitive.statements[number]
        extents = dict(self.primitive.extents)
        solved, free = _solved_loops(statement)
        kept = [loop for loop in statement.loops if loop not in {loop for _, loop in solved}]
        listed = [loop for loop in kept if loop in free]
        summed = [loop for loop in kept if loop not in free]
        count = max(1, GATHERED // prod(extents[loop] for loop in summed))
        flat = [index.reshape(-1) for index in where]
        out, bound = values.reshape(-1), magnitudes.reshape(-1)
        for steps in product(*(range(extents[loop]) for loop in listed)):
            at = dict(zip(listed, steps, strict=True))
            points, live = _solved_points(statement.target, solved, at, flat, extents)
            hits = np.flatnonzero(live)
            for start in range(0, len(hits), count):
                chunk = hits[start : start + count]
                box = {loop: p[chunk] for loop, p in points.items()}
                for cut in _cuts(summed, extents):
                    found = self._values(number, {**at, **box}, cut, len(chunk))
                    _reduce(statement, chunk, found, out, bound)
        values[...] = out.reshape(values.shape)
        magnitudes[...] = bound.reshape(magnitudes.shape)

    def _values(
        self,
        number: int,
        at: Mapping[str, Points | int],
        ranges: Mapping[str, tuple[int, int]],
        count: int,
    ) -> tuple[Array, Array]:
        """The right-hand side at points times the ranges of the summed loops, (count, terms)."""
        statement = self.primitive.statements[number]
        shape = (count, *(last - first for first, last in ranges.values()))

        def placed(index: Affine) -> Points:
            total = np.full([1] * len(shape), index.constant, np.int64)
            for loop, c in index.terms:
                if loop in ranges:
                    axis = list(ranges).index(loop) + 1
                    line = [1] * len(shape)
                    line[axis] = -1
                    total = total + c * np.arange(*ranges[loop]).reshape(line)
                else:
                    value = np.asarray(at[loop])
                    total = total + c * value.reshape([-1] + [1] * (len(shape) - 1))
            return total

        found: dict[Access, tuple[Array, Array]] = {}
        for access in statement.reads:
            if access not in found:
                where = np.broadcast_arrays(*(placed(i) for i in access.indices))
                found[access] = self.elements(access.tensor, tuple(where), number)
        values = value_of(statement.value, lambda a: found[a][0])
        magnitudes = magnitude_of(statement.value, lambda a: found[a][0], lambda a: found[a][1])
        terms = prod(shape[1:])
        return (
            np.broadcast_to(values, shape).reshape(count, terms),
            np.broadcast_to(magnitudes, shape).reshape(count, terms),
        )


def _solved_loops(statement: Statement) -> tuple[list[tuple[int, str]], set[str]]:
    """(dimension, loop) that a target element determines, and the target loops to enumerate."""
    solved: list[tuple[int, str]] = []
    free: set[str] = set()
    for d, index in enumerate(statement.target.indices):
        done = free | {loop for _, loop in solved}
        new = [loop for loop in index.loops if loop not in done]
        if new:  # the innermost is solved for, so that enumeration keeps the program's order
            new.sort(key=statement.loops.index)
            solved.append((d, new[-1]))
            free |= set(new[:-1])
    return solved, free


def _solved_points(
    target: Access,
    solved: list[tuple[int, str]],
    at: Mapping[str, int],
    where: list[Points],
    extents: Mapping[str, int],
) -> tuple[dict[str, Points], npt.NDArray[np.bool_]]:
    """Iterations of the solved loops that write each element, and which elements are written."""
    points: dict[str, Points] = {}
    live = np.ones(where[0].shape, bool)
    for d, loop in solved:
        index = target.indices[d]
        rest = where[d] - index.constant
        for other, c in index.terms:
            if other != loop:
                rest = rest - c * np.asarray(points[other] if other in points else at[other])
        c = index.coefficient(loop)
        points[loop] = rest // c
        live &= (rest % c == 0) & (points[loop] >= 0) & (points[loop] < extents[loop])
    for d, index in enumerate(target.indices):
        total = np.full(where[d].shape, index.constant)
        for loop, c in index.terms:
            total = total + c * np.asarray(points[loop] if loop in points else at[loop])
        live &= total == where[d]
    return points, live


def _cuts(loops: list[str], extents: Mapping[str, int]) -> Iterator[dict[str, tuple[int, int]]]:
    """The summed loops as boxes of at most GATHERED iterations."""

    def split(ranges: dict[str, tuple[int, int]]) -> Iterator[dict[str, tuple[int, int]]]:
        if prod(last - first for first, last in ranges.values()) <= GATHERED:
            yield ranges
            return
        loop = max(ranges, key=lambda x: ranges[x][1] - ranges[x][0])
        first, last = ranges[loop]
        middle = (first + last) // 2
        yield from split({**ranges, loop: (first, middle)})
        yield from split({**ranges, loop: (middle, last)})

    yield from split({loop: (0, extents[loop]) for loop in loops})


def _reduce(
    statement: Statement, hits: Points, found: tuple[Array, Array], out: Array, bound: Array
) -> None:
    values, magnitudes = found
    match statement.reduction:
        case None:
            out[hits], bound[hits] = values[:, -1], magnitudes[:, -1]
        case "add":
            out[hits] += values.sum(axis=1)
            bound[hits] += magnitudes.sum(axis=1)
        case "max":
            out[hits] = np.maximum(out[hits], values.max(axis=1, initial=-inf))
            bound[hits] = np.maximum(bound[hits], magnitudes.max(axis=1, initial=0.0))
        case "min":
            out[hits] = np.minimum(out[hits], values.min(axis=1, initial=inf))
            bound[hits] = np.maximum(bound[hits], magnitudes.max(axis=1, initial=0.0))
