"""Seeded inputs of a problem: random ones for rounding, integers for exactness."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from math import gcd, prod
from typing import Any

import numpy as np
import numpy.typing as npt

from compiler.problem.primitive import Access, Primitive, Read, Tensor

Numbers = npt.NDArray[Any]
Reals = npt.NDArray[np.floating[Any]]
CHUNK = 2**22  # elements changed at once
RANDOM_DEVIATION = 1.04  # of values of 0.5 to 1.5 with random signs
MOST_PLANTED = 16  # rounds in which each tap of a reduction wins in turn ...
MOST_ROUNDS = 64  # ... or more, where there are fewer outputs than taps


def random_inputs(primitive: Primitive, seed: int) -> dict[str, Reals]:
    """Non-zero values of magnitude 0.5 to 1.5 for inputs and accumulated outputs.

    A tensor's values depend on the seed, its name and its shape alone; those fixed in the
    primitive's file are given as they are.
    """
    inputs = fixed_values(primitive)
    for tensor in given_tensors(primitive):
        values = _generator(tensor, seed, 0).random(tensor.elements, tensor.dtype.numpy)
        for start in range(0, len(values), CHUNK):  # in place: a copy of the largest takes 2 GB
            part = values[start : start + CHUNK]
            part *= 2
            part -= 1
            part += np.copysign(part.dtype.type(0.5), part)
        inputs[tensor.name] = values.reshape(tensor.shape)
    return inputs


def integer_inputs(
    primitive: Primitive, largest: int, seed: int, number: int, negated: frozenset[str]
) -> dict[str, Numbers]:
    """Integers of -largest..largest without 0, in the least type; `negated` change their signs.

    `number` tells the rounds of a seed apart. Fixed tensors have their own type.
    """
    kind = next(t for t in (np.int8, np.int16, np.int32) if largest <= np.iinfo(t).max)
    inputs: dict[str, Numbers] = dict(fixed_values(primitive))
    for tensor in given_tensors(primitive):
        random = _generator(tensor, seed, number)
        drawn = random.integers(-largest, largest, tensor.elements, kind)
        for start in range(0, len(drawn), CHUNK):
            part = drawn[start : start + CHUNK]
            part += part >= 0  # -R..R-1 becomes -R..R without 0
            if tensor.name in negated:
                np.negative(part, out=part)
        inputs[tensor.name] = drawn.reshape(tensor.shape)
    return inputs


def given_tensors(primitive: Primitive) -> list[Tensor]:
    """Those whose values come from the caller: inputs, and outputs that start from them."""
    return [
        t for t in primitive.tensors if t.values is None and (t.role == "input" or t.accumulate)
    ]


def fixed_values(primitive: Primitive) -> dict[str, Reals]:
    """Of tensors whose values stand in the primitive's file."""
    return {
        t.name: np.asarray(t.values, t.dtype.numpy).reshape(t.shape)
        for t in primitive.tensors
        if t.values is not None
    }


def _generator(tensor: Tensor, seed: int, number: int) -> np.random.Generator:
    return np.random.Generator(np.random.SFC64([seed, zlib.crc32(tensor.name.encode()), number]))


@dataclass(frozen=True)
class Planting:
    """The input that a max or min reduction reads, and its taps: those that meet in one output.

    Along each dimension `digits` has (step, count): the taps of one output have indices whose
    quotients by `step` differ modulo `count`; (1, 1) where there is no tap.
    """

    tensor: str
    maximum: bool
    digits: tuple[tuple[int, int], ...]

    @property
    def taps(self) -> int:
        return prod(count for _, count in self.digits)

    def winners(self, shape: tuple[int, ...], tap: int) -> npt.NDArray[np.bool_]:
        """One element of every output's taps; which one it is moves from output to output.

        All of them have been it once `tap` has gone through `taps` numbers.
        """
        total = np.zeros([1] * len(shape), np.int64)
        weight = 1
        for d, (step, count) in enumerate(self.digits):
            line = [1] * len(shape)
            line[d] = -1
            places = np.arange(shape[d]).reshape(line)
            total = total + (places // step % count * weight if count > 1 else places)
            weight *= count
        return np.asarray(total % self.taps == tap % self.taps)

    def planted(self, values: Numbers, tap: int, below: bool = False) -> Numbers:
        """Numbers as large as these at most, of one sign for the winners and the other for others.

        With `below` all have the others' sign and winners are nearer to 0, which no maximum that
        starts at 0 gives.
        """
        win = self.winners(values.shape, tap)
        size = np.abs(values)
        if not below:
            return np.where(win == self.maximum, size, -size)
        half = size // 2 if np.issubdtype(size.dtype, np.integer) else size / 2
        sized = np.where(win, size - half, half + (size - half).max())
        return -sized if self.maximum else sized


def plantings(primitive: Primitive) -> tuple[Planting, ...]:
    """For every max or min over an input as it is; what is computed first cannot be planted."""
    extents = dict(primitive.extents)
    found = []
    for statement in primitive.statements:
        if statement.reduction in ("max", "min") and isinstance(statement.value, Read):
            access = statement.value.access
            tensor = primitive.tensor(access.tensor)
            taps = set(statement.reduction_loops)
            if tensor.role == "input" and tensor.values is None and taps:
                digits = _digits(access, taps, extents)
                found.append(Planting(tensor.name, statement.reduction == "max", digits))
    return tuple(found)


def planted_rounds(primitive: Primitive) -> int:
    """In each of so many rounds another tap wins: in each output, where there are few taps."""
    most = 0
    for planting in plantings(primitive):
        outputs = max(t.elements for t in primitive.tensors if t.role == "output")
        enough = max(MOST_PLANTED, -(-planting.taps // outputs))
        most = max(most, min(planting.taps, enough, MOST_ROUNDS))
    return most


def _digits(
    access: Access, taps: set[str], extents: Mapping[str, int]
) -> tuple[tuple[int, int], ...]:
    digits = []
    for index in access.indices:
        terms = [(abs(c), extents[loop]) for loop, c in index.terms if loop in taps]
        step = gcd(*(c for c, _ in terms)) or 1
        digits.append((step, sum(c * (n - 1) for c, n in terms) // step + 1))
    return tuple(digits)
