"""The paper's tournament: a small trained network tells which of two schedules runs faster.

Its inputs are the bytes that the working sets of either schedule hold in L1, L2, L3 and memory.
Everybody plays everybody of the same problem; the place is by the number of wins. The network is
plain data: it is trained by the harness and only evaluated here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import pairwise
from math import isfinite, log
from typing import Any

import numpy as np
import numpy.typing as npt

from compiler.errors import CompilerError, shown

LEVELS = ("L1", "L2", "L3", "memory")
KIND = "polydl tournament"
SHIPPED = "tournament.json"  # written by `polydl train`
CHUNK = 1 << 12  # pairs evaluated at once, so that a layer stays in the L2 cache

BLOCK = 256  # rows that play all later ones at once

Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Layer:
    """weights [input][output], biases [output]."""

    weights: tuple[tuple[float, ...], ...]
    biases: tuple[float, ...]


@dataclass(frozen=True)
class PairClassifier:
    """A multilayer perceptron over two schedules' level bytes: score > 0 where the first is faster.

    score(a, b) = f(x), x = (log(1 + [a, b]) - mean) / scale, f = layers with max(0, .) between
    them. The same scaling in training and here. `provenance` says what it was trained on.
    """

    mean: tuple[float, ...]
    scale: tuple[float, ...]
    layers: tuple[Layer, ...]
    provenance: Mapping[str, Any]

    def scores(self, left: Matrix, right: Matrix) -> Matrix:
        """[i, j]: the score of left[i] against right[j], both rows of bytes per level."""
        weights = [np.array(x.weights, np.float32).T for x in self.layers]
        biases = [np.array(x.biases, np.float32)[:, np.newaxis] for x in self.layers]
        # max(0, x + b) is max(-b, x) + b, whose b the next layer can add to its own: one pass less
        # over all pairs. And the first layer's product is a sum of one for either side.
        for at in range(1, len(weights)):
            biases[at] = biases[at] + weights[at] @ biases[at - 1]
        one = weights[0][:, : len(LEVELS)] @ self._scaled(left, 0)
        other = weights[0][:, len(LEVELS) :] @ self._scaled(right, len(LEVELS))
        found = np.empty((len(left), len(right)), np.float32)
        for rows in _chunks(len(left), CHUNK // max(1, len(right))):
            x = (one[:, rows, np.newaxis] + other[:, np.newaxis, :]).reshape(len(one), -1)
            for before, weight in zip(biases, weights[1:], strict=False):
                x = weight @ np.maximum(x, -before, out=x)
            found[rows] = (x + biases[-1]).reshape(-1, len(right))
        return found

    def _scaled(self, rows: Matrix, at: int) -> Matrix:
        """Inputs [level, row] of one side, which stand in the network's from `at` on."""
        here = slice(at, at + len(LEVELS))
        mean, scale = np.array(self.mean[here]), np.array(self.scale[here])
        scaled: Matrix = ((transformed(rows) - mean) / scale).astype(np.float32).T
        return scaled


def transformed(rows: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """log(1 + bytes): working sets span six orders of magnitude."""
    return np.log1p(rows.astype(np.float64))


def level_rows(levels: Sequence[Mapping[str, float]]) -> Matrix:
    """[schedule, level]: bytes in L1, L2, L3, memory; a level that the machine lacks holds 0."""
    rows = [[float(held.get(level, 0)) for level in LEVELS] for held in levels]
    return np.array(rows, np.float32).reshape(-1, len(LEVELS))


def games_won(classifier: PairClassifier, rows: Matrix) -> list[int]:
    """Of each row the number of rows that it beats; equal rows do not beat each other.

    A pair is asked once, the smaller row first (by L1, then L2, ...): nobody gains by where it
    stands. Rows that are equal play once and count as often as they stand there.
    """
    unique, where, counts = np.unique(rows, axis=0, return_inverse=True, return_counts=True)
    found = np.zeros(len(unique), np.int64)
    for block in _chunks(len(unique), BLOCK):
        later = slice(block.start, None)
        lead = np.triu(np.sign(classifier.scores(unique[block], unique[later])), 1)
        found[block] += (lead > 0) @ counts[later]
        found[later] += counts[block] @ (lead < 0)
    return [int(number) for number in found[where.reshape(-1)]]


def classifier_from(data: object, where: str = "tournament") -> PairClassifier:
    """The network of plain data as `classifier_data` gives it; CompilerError says what is wrong."""
    if not isinstance(data, Mapping) or data.get("kind") != KIND:
        raise CompilerError(f"{where}: is no trained tournament (kind: {KIND})")
    missing = [key for key in ("levels", "mean", "scale", "layers") if key not in data]
    if missing:
        raise CompilerError(f"{where}: '{missing[0]}' is missing")
    if data["levels"] != list(LEVELS):
        levels = shown(data["levels"])
        raise CompilerError(f"{where}: levels must be {', '.join(LEVELS)}, got {levels}")
    provenance = data.get("provenance", {})
    if not isinstance(provenance, Mapping):
        raise CompilerError(f"{where}: provenance must be a mapping, got {shown(provenance)}")
    try:
        layers = tuple(
            Layer(tuple(_numbers(row) for row in layer["weights"]), _numbers(layer["biases"]))
            for layer in data["layers"]
        )
        mean, scale = _numbers(data["mean"]), _numbers(data["scale"])
    except (TypeError, ValueError, KeyError, OverflowError) as error:
        raise CompilerError(f"{where}: mean, scale or layers hold no finite numbers") from error
    widths = [2 * len(LEVELS), *(len(layer.biases) for layer in layers)]
    shapes = [(len(layer.weights), {len(row) for row in layer.weights}) for layer in layers]
    fits = shapes == [(a, {b}) for a, b in pairwise(widths)]
    if not fits or widths[-1] != 1 or len(mean) != widths[0] or len(scale) != widths[0]:
        raise CompilerError(f"{where}: mean, scale and layers do not fit together")
    if min(scale) <= 0:
        raise CompilerError(f"{where}: scale must be > 0, got {min(scale)}")
    if not _reach(mean, scale, layers) < float(np.finfo(np.float32).max):
        raise CompilerError(f"{where}: its scores may be too large for single precision")
    return PairClassifier(mean, scale, layers, dict(provenance))


def _reach(mean: Sequence[float], scale: Sequence[float], layers: Sequence[Layer]) -> float:
    """What no value in the network exceeds, for working sets of less than 2^64 bytes."""
    reach = max((log(2.0) * 64 + abs(m)) / s for m, s in zip(mean, scale, strict=True))
    for layer in layers:
        sums = [sum(map(abs, column)) for column in zip(*layer.weights, strict=True)]
        reach = max(s * reach + abs(b) for s, b in zip(sums, layer.biases, strict=True))
    return reach


@cache
def shipped_classifier() -> PairClassifier:
    """The one that comes with the package: a constant, kept as data beside this file."""
    text = resources.files("compiler.cost").joinpath(SHIPPED).read_text(encoding="utf-8")
    return classifier_from(json.loads(text), SHIPPED)


def classifier_data(classifier: PairClassifier) -> dict[str, object]:
    """Plain data for JSON, from which `classifier_from` makes the same network."""
    return {
        "kind": KIND,
        "levels": list(LEVELS),
        "inputs": "log(1 + bytes) of the first schedule's levels, then of the second's",
        "activation": "max(0, x) between layers; an output above 0: the first is faster",
        "provenance": dict(classifier.provenance),
        "mean": list(classifier.mean),
        "scale": list(classifier.scale),
        "layers": [
            {"weights": [list(row) for row in layer.weights], "biases": list(layer.biases)}
            for layer in classifier.layers
        ],
    }


def _numbers(values: Any) -> tuple[float, ...]:
    """Finite ones. Raises TypeError, ValueError or OverflowError."""
    if not isinstance(values, Sequence) or any(type(v) not in (int, float) for v in values):
        raise TypeError("no numbers")
    numbers = tuple(float(value) for value in values)
    if not all(map(isfinite, numbers)):
        raise ValueError("not finite")
    return numbers


def _chunks(count: int, size: int) -> Iterator[slice]:
    step = max(1, size)
    return (slice(at, min(at + step, count)) for at in range(0, count, step))
