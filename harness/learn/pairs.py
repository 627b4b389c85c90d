"""Pairs of measured schedules of one problem: what a tournament learns from and is judged by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log

import numpy as np
import numpy.typing as npt

from compiler.cost.features import DESCRIBED, FeatureRows
from compiler.cost.tournament import Rows, Tournament
from harness.errors import RecordError
from harness.learn.measured import Measured

Vector = npt.NDArray[np.float64]

CLEAR = 1.05  # times slower: what noise does not turn round
MOST = 5000  # pairs of one problem in training, so that each problem has a say


@dataclass(frozen=True)
class Survey:
    """A measured problem as numbers: features [schedule, feature] and seconds [schedule].

    `identity` is equal for equal layers, whatever network they are in. `expected` are the seconds
    that the roofline predicts; None where its machine was not recorded.
    """

    network: str
    problem: str
    identity: str
    host: str
    rows: Rows
    seconds: Vector
    expected: Vector | None = None


def survey_of(measured: Measured, features: Sequence[str]) -> Survey:
    """RecordError where a feature needs more of the machine than was recorded."""
    asked = [name for name in features if name in DESCRIBED]
    if asked and not measured.described:
        raise RecordError(
            f"{measured.name}: its record tells the machine's caches alone, not what "
            f"{asked[0]} needs; features=paper does without"
        )
    schedules = tuple(measured.seconds)
    rows = FeatureRows(measured.nest, measured.machine, measured.threads)
    expected = None
    if measured.described:
        estimates = (rows.roofline.estimate(one, measured.threads) for one in schedules)
        expected = np.array([estimate.seconds for estimate in estimates])
    return Survey(
        measured.network,
        measured.name,
        measured.identity,
        measured.host,
        rows.of(schedules, features),
        np.array([*measured.seconds.values()]),
        expected,
    )


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


def accuracy(tournament: Tournament, survey: Survey) -> Accuracy:
    """Over every pair of unlike seconds, each once, both orders asked as in the tournament."""
    scores = tournament.scores(survey.rows, survey.rows)
    lead = np.sign(scores - scores.T)
    ratios = np.log(survey.seconds)[np.newaxis, :] - np.log(survey.seconds)[:, np.newaxis]
    once = np.triu(np.ones_like(ratios, dtype=bool), 1) & (ratios != 0)
    right = (1 + lead * np.sign(ratios)) / 2  # 1, 1/2 or 0
    clear = once & (np.abs(ratios) >= log(CLEAR))
    parts = [(int(of.sum()), float(right[of].mean()) if of.any() else 0.0) for of in (once, clear)]
    return Accuracy(*parts[0], *parts[1])


def training_pairs(surveys: Iterable[Survey], seed: int) -> tuple[Vector, Vector, Vector]:
    """(features of the first [pair, feature], of the second, log of the ratio of their seconds).

    Every pair in both orders; never of a schedule with itself, nor of two with equal features or
    equal seconds: there is nothing to learn from those. At most MOST of one problem, at random.
    """
    rng = np.random.default_rng(seed)
    first: list[Vector] = []
    second: list[Vector] = []
    gaps: list[Vector] = []
    for survey in surveys:
        one, other = _drawn(survey, rng)
        logs = np.log(survey.seconds)
        for left, right in ((one, other), (other, one)):
            first.append(survey.rows[left])
            second.append(survey.rows[right])
            gaps.append(logs[left] - logs[right])
    return np.vstack(first), np.vstack(second), np.concatenate(gaps)


def _drawn(
    survey: Survey, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The two members of each pair of one problem, as indices."""
    one, other = np.triu_indices(len(survey.seconds), 1)
    told = (survey.seconds[one] != survey.seconds[other]) & (
        survey.rows[one] != survey.rows[other]
    ).any(axis=1)
    one, other = one[told], other[told]
    if len(one) > MOST:
        kept = rng.choice(len(one), MOST, replace=False)
        one, other = one[kept], other[kept]
    return one, other
