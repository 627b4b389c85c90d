"""A small trained network tells which of two schedules runs faster; everybody plays everybody.

Which features it sees is data of the model, by name (`compiler.cost.features`). The network judges
in one of two ways:

pairs      f([a, b]) > 0: the first is faster. The paper's: all pairs of n schedules are asked, in
           n^2 / 2 evaluations.
schedules  f(b) > f(a): f is a predicted slowness, of one schedule. The answers cannot run in a
           circle, so that the wins of all follow from the order of n evaluations.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

PAIRS, SCHEDULES = "pairs", "schedules"
JUDGES = (PAIRS, SCHEDULES)
CHUNK = 1 << 12  # pairs evaluated at once, so that a layer stays in the L2 cache
BLOCK = 256  # rows that play all later ones at once

Matrix = npt.NDArray[np.float32]
Rows = npt.NDArray[np.float64]  # [schedule, feature]


@dataclass(frozen=True)
class Layer:
    """weights [input][output], biases [output]."""

    weights: tuple[tuple[float, ...], ...]
    biases: tuple[float, ...]


@dataclass(frozen=True)
class Tournament:
    """A multilayer perceptron over features of schedules: f((x - mean) / scale).

    f = layers with max(0, .) between them; x are the features of two schedules, one after the
    other, where it judges pairs, else those of one. The same scaling in training and here.
    `provenance` says what it was trained on.
    """

    features: tuple[str, ...]
    judges: str
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    layers: tuple[Layer, ...]
    provenance: Mapping[str, Any]

    def scores(self, left: Rows, right: Rows) -> Matrix:
        """[i, j]: above 0 where left[i] is faster than right[j]."""
        if self.judges == SCHEDULES:
            one, other = self.slowness(left), self.slowness(right)
            return (other[np.newaxis, :] - one[:, np.newaxis]).astype(np.float32)
        weights = [np.array(x.weights, np.float32).T for x in self.layers]
        biases = [np.array(x.biases, np.float32)[:, np.newaxis] for x in self.layers]
        # max(0, x + b) is max(-b, x) + b, whose b the next layer can add to its own: one pass less
        # over all pairs. And the first layer's product is a sum of one for either side.
        for at in range(1, len(weights)):
            biases[at] = biases[at] + weights[at] @ biases[at - 1]
        half = len(self.features)
        first = weights[0][:, :half] @ self._scaled(left, 0)
        second = weights[0][:, half:] @ self._scaled(right, half)
        found = np.empty((len(left), len(right)), np.float32)
        for rows in _chunks(len(left), CHUNK // max(1, len(right))):
            x = (first[:, rows, np.newaxis] + second[:, np.newaxis, :]).reshape(len(first), -1)
            for before, weight in zip(biases, weights[1:], strict=False):
                x = weight @ np.maximum(x, -before, out=x)
            found[rows] = (x + biases[-1]).reshape(-1, len(right))
        return found

    def slowness(self, rows: Rows) -> npt.NDArray[np.float64]:
        """f of each row, where it judges schedules; up to a constant of the problem."""
        x = (rows - np.array(self.mean)) / np.array(self.scale)
        for number, layer in enumerate(self.layers):
            x = x if number == 0 else np.maximum(x, 0.0)
            x = x @ np.array(layer.weights) + np.array(layer.biases)
        found: npt.NDArray[np.float64] = x[:, 0]
        return found

    def wins(self, rows: Rows) -> list[int]:
        """Of each row the number of rows that it beats; equal rows do not beat each other.

        A pair is asked once, the smaller row first (by its first feature, then the second, ...):
        nobody gains by where it stands. Rows that are equal play once and count as often as they
        stand there.
        """
        unique, where, counts = np.unique(rows, axis=0, return_inverse=True, return_counts=True)
        won = self._order(unique, counts) if self.judges == SCHEDULES else self._all(unique, counts)
        return [int(number) for number in won[where.reshape(-1)]]

    def _order(self, unique: Rows, counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Those that are slower, from the order alone."""
        slowness = self.slowness(unique)
        order = np.argsort(slowness, kind="stable")
        before = np.concatenate([[0], np.cumsum(counts[order])])  # rows up to each place
        won: npt.NDArray[np.int64] = (
            before[-1] - before[np.searchsorted(slowness[order], slowness, side="right")]
        )
        return won

    def _all(self, unique: Rows, counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Of every pair, asked one by one."""
        won = np.zeros(len(unique), np.int64)
        for block in _chunks(len(unique), BLOCK):
            later = slice(block.start, None)
            lead = np.triu(np.sign(self.scores(unique[block], unique[later])), 1)
            won[block] += (lead > 0) @ counts[later]
            won[later] += counts[block] @ (lead < 0)
        return won

    def _scaled(self, rows: Rows, at: int) -> Matrix:
        """Inputs [feature, row] of one side, which stand in the network's from `at` on."""
        here = slice(at, at + len(self.features))
        mean, scale = np.array(self.mean[here]), np.array(self.scale[here])
        scaled: Matrix = ((rows - mean) / scale).astype(np.float32).T
        return scaled


def _chunks(count: int, size: int) -> Iterator[slice]:
    step = max(1, size)
    return (slice(at, min(at + step, count)) for at in range(0, count, step))
