"""Pairs of measured schedules of one problem: what a tournament learns from and is judged by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import log

import numpy as np
import numpy.typing as npt

from compiler.cost.tournament import Matrix, PairClassifier, transformed

Vector = npt.NDArray[np.float64]

CLEAR = 1.05  # times slower: what noise does not turn round
MOST = 5000  # pairs of one problem in training, so that each problem has a say


@dataclass(frozen=True)
class Survey:
    """Measured schedules of one problem: bytes [schedule, level] and seconds [schedule].

    `identity` is equal for equal layers, whatever network they are in.
    """

    network: str
    problem: str
    identity: str
    rows: Matrix
    seconds: Vector


@dataclass(frozen=True)
class Accuracy:
    """Pairs whose faster one was told; one that the network cannot tell apart counts half."""

    pairs: int
    share: float
    clear_pairs: int  # that differ by CLEAR or more
    clear_share: float

    @staticmethod
    def over(parts: Sequence[Accuracy]) -> Accuracy:
        """Of all pairs together."""
        pairs, clear = sum(p.pairs for p in parts), sum(p.clear_pairs for p in parts)
        right = sum(p.share * p.pairs for p in parts)
        clear_right = sum(p.clear_share * p.clear_pairs for p in parts)
        return Accuracy(
            pairs, right / pairs if pairs else 0.0, clear, clear_right / clear if clear else 0.0
        )


def accuracy(classifier: PairClassifier, survey: Survey) -> Accuracy:
    """Over every pair of unlike seconds, each once, both orders asked as in the tournament."""
    scores = classifier.scores(survey.rows, survey.rows)
    lead = np.sign(scores - scores.T)
    ratios = np.log(survey.seconds)[np.newaxis, :] - np.log(survey.seconds)[:, np.newaxis]
    once = np.triu(np.ones_like(ratios, dtype=bool), 1) & (ratios != 0)
    right = (1 + lead * np.sign(ratios)) / 2  # 1, 1/2 or 0
    clear = once & (np.abs(ratios) >= log(CLEAR))
    parts = [(int(of.sum()), float(right[of].mean()) if of.any() else 0.0) for of in (once, clear)]
    return Accuracy(*parts[0], *parts[1])


def training_pairs(
    surveys: Iterable[Survey], seed: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """(inputs [pair, 8], whether the first is faster), every pair in both orders.

    Never of a schedule with itself, nor of two with equal inputs or equal seconds: there is
    nothing to learn from those. At most MOST of one problem, drawn at random.
    """
    rng = np.random.default_rng(seed)
    inputs: list[npt.NDArray[np.float64]] = []
    faster: list[npt.NDArray[np.int64]] = []
    for survey in surveys:
        for one, other in _drawn(survey, rng):
            rows = transformed(survey.rows)
            inputs.append(np.hstack([rows[one], rows[other]]))
            faster.append((survey.seconds[one] < survey.seconds[other]).astype(np.int64))
    if not inputs:
        return np.empty((0, 8)), np.empty(0, np.int64)
    return np.vstack(inputs), np.concatenate(faster)


def _drawn(
    survey: Survey, rng: np.random.Generator
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Index pairs of one problem, then the same the other way round."""
    one, other = np.triu_indices(len(survey.seconds), 1)
    told = (survey.seconds[one] != survey.seconds[other]) & (
        survey.rows[one] != survey.rows[other]
    ).any(axis=1)
    one, other = one[told], other[told]
    if len(one) > MOST:
        kept = rng.choice(len(one), MOST, replace=False)
        one, other = one[kept], other[kept]
    yield one, other
    yield other, one
