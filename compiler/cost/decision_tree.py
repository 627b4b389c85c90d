"""The paper's decision tree: which of two schedules is faster, and who wins most often.

The first rule that fires decides: total bytes at a threshold of 0.5, then memory, L3, L2 and L1 at
0.05 each. A rule fires when one side exceeds the other by more than the threshold (0.5: more than
1.5 times), and the smaller side wins. Where none fires, nobody wins; the authors give such a pair
to the schedule that was measured to be faster.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

LEVELS = ("memory", "L3", "L2", "L1")
TOTAL_THRESHOLD, LEVEL_THRESHOLD = 0.5, 0.05
BLOCK = 1 << 20  # pairs that are compared at once


def wins(levels: Sequence[Mapping[str, int]]) -> list[int]:
    """How many of the others each one beats; each holds bytes by level, absent levels are 0."""
    if not levels:
        return []
    rows = np.array([[held.get(level, 0) for level in LEVELS] for held in levels], np.float64)
    distinct, place, count = np.unique(rows, axis=0, return_inverse=True, return_counts=True)
    features = np.column_stack([distinct.sum(axis=1), distinct])
    won = np.empty(len(distinct), np.int64)
    step = max(1, BLOCK // len(distinct))
    for start in range(0, len(distinct), step):
        beaten = _beats(features[start : start + step], features)
        won[start : start + step] = beaten @ count
    return [int(n) for n in won[place.reshape(-1)]]


def _beats(ours: npt.NDArray[np.float64], theirs: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """[i, j]: whether our row i wins against their row j; the columns are total, then LEVELS."""
    won = np.zeros((len(ours), len(theirs)), np.bool_)
    undecided = np.ones_like(won)
    for column in range(ours.shape[1]):
        factor = 1 + (LEVEL_THRESHOLD if column else TOTAL_THRESHOLD)
        mine, other = ours[:, column, np.newaxis], theirs[np.newaxis, :, column]
        smaller = other > factor * mine
        won |= undecided & smaller
        undecided &= ~(smaller | (mine > factor * other))
    return won
