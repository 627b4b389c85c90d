"""Seeded inputs of a problem, and output elements that meet every border class and remainder."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from itertools import product

import numpy as np
import numpy.typing as npt

from compiler.problem.primitive import Affine, Primitive, Statement

Points = npt.NDArray[np.int64]
REMAINDER = 16  # the last elements of a dimension: the remainder of any vector of up to 16 lanes
LARGEST_TABLE = 2**22


def random_inputs(primitive: Primitive, seed: int) -> dict[str, npt.NDArray[np.float32]]:
    """Non-zero values of magnitude 0.5 to 1.5 for inputs and accumulated outputs.

    A tensor's values depend on the seed, its name and its shape alone; those fixed in the
    primitive's file are given as they are.
    """
    inputs: dict[str, npt.NDArray[np.float32]] = {}
    for tensor in primitive.tensors:
        if tensor.values is not None:
            inputs[tensor.name] = np.asarray(tensor.values, np.float32).reshape(tensor.shape)
        elif tensor.role == "input" or tensor.accumulate:
            random = np.random.default_rng([seed, zlib.crc32(tensor.name.encode())])
            values = random.random(tensor.shape, np.float32)
            values += np.float32(0.5)
            signs = random.integers(0, 2, tensor.shape, np.int8) * 2 - 1
            inputs[tensor.name] = values * signs.astype(np.float32)
    return inputs


def border_points(primitive: Primitive, output: str, seed: int, count: int = 2000) -> Points:
    """Elements of an output, (points, rank), sorted: every border class of every dimension with
    every class of the others, the last elements of each dimension, corners, and random ones."""
    shape = primitive.tensor(output).shape
    random = np.random.default_rng([seed, zlib.crc32(output.encode())])
    classes = [_representatives(primitive, output, d) for d in range(len(shape))]
    chosen: list[Points] = [_combinations(classes, shape, count, random)]
    for d, size in enumerate(shape):
        tail = np.arange(max(0, size - REMAINDER), size)
        chosen.append(_with(shape, d, tail, random))
    corners = np.array(list(product(*({0, size - 1} for size in shape[:10]))), np.int64)
    chosen.append(np.pad(corners, ((0, 0), (0, len(shape) - corners.shape[1]))))
    missing = max(0, count - sum(len(points) for points in chosen))
    chosen.append(np.stack([random.integers(0, size, missing) for size in shape], axis=1))
    return np.unique(np.concatenate(chosen), axis=0)


def _with(
    shape: tuple[int, ...], dimension: int, indices: Points, random: np.random.Generator
) -> Points:
    """Random elements that take each of `indices` in one dimension."""
    columns = [random.integers(0, size, len(indices)) for size in shape]
    columns[dimension] = indices
    return np.stack(columns, axis=1)


def _combinations(
    classes: list[list[int]], shape: tuple[int, ...], count: int, random: np.random.Generator
) -> Points:
    """All combinations of the dimensions' representatives, others random; at most `count`."""
    columns = [found if len(found) > 1 else [-1] for found in classes]
    total = int(np.prod([len(c) for c in columns], dtype=np.int64))
    if total <= count:
        rows = np.array(list(product(*columns)), np.int64)
    else:
        rows = np.stack([random.choice(c, count) for c in columns], axis=1).astype(np.int64)
        for d, column in enumerate(columns):
            rows[: len(column), d] = column[:count]
    for d, size in enumerate(shape):
        free = rows[:, d] < 0
        rows[free, d] = random.integers(0, size, int(free.sum()))
    return rows


def _representatives(primitive: Primitive, output: str, dimension: int) -> list[int]:
    """First and last index of each border class of a dimension of an output.

    Indices are of one class when the same taps read inside. Consumers in other statements read
    the output at an index of its own, so only statements that write it are looked at.
    """
    size = primitive.tensor(output).shape[dimension]
    found = {0, size - 1}
    for statement in primitive.statements:
        if statement.target.tensor != output:
            continue
        index = statement.target.indices[dimension]
        if len(index.terms) == 1 and index.terms[0][1] == 1:
            for other, bound in _guards(primitive, statement, index.terms[0][0]):
                found |= _class_ends(other, bound, index, size, dict(primitive.extents))
        elif index.terms:  # compound: residues and overlaps differ near the ends
            found |= {i for i in range(size) if i < REMAINDER or i >= size - REMAINDER}
    return sorted(i for i in found if 0 <= i < size)


def _guards(primitive: Primitive, statement: Statement, loop: str) -> Iterator[tuple[Affine, int]]:
    extents = dict(primitive.extents)
    for access in statement.reads:
        shape = primitive.tensor(access.tensor).shape
        for index, size in zip(access.indices, shape, strict=True):
            low, high = index.bounds(extents)
            if index.coefficient(loop) and (low < 0 or high >= size):
                yield index, size


def _class_ends(
    read: Affine, bound: int, write: Affine, size: int, extents: Mapping[str, int]
) -> set[int]:
    """Indices where the set of taps that read inside changes, and those just before."""
    loop = write.terms[0][0]
    taps = np.zeros(1, np.int64)
    for other, c in read.terms:
        if other != loop:
            taps = np.unique(np.add.outer(taps, c * np.arange(extents[other])))
        if len(taps) > 4096:
            break
    outputs = np.arange(min(size, max(1, LARGEST_TABLE // len(taps))))
    places = read.coefficient(loop) * (outputs - write.constant) + read.constant
    live = places[:, None] + taps[None, :]
    table = (live >= 0) & (live < bound)
    changes = np.flatnonzero((table[1:] != table[:-1]).any(axis=1))
    return {int(i) for i in changes} | {int(i) + 1 for i in changes}
