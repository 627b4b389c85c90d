"""Tournaments from surveys: scikit-learn trains them, plain numbers leave.

Two forms, by the features that they see. The paper's is its multilayer perceptron over the bytes of
two schedules. `all` is a Bradley-Terry model of everything that there is to see: the probability
that a beats b is 1 / (1 + exp(f(a) - f(b))) with f linear in the features, fitted by logistic
regression on differences. Hidden layers, hinges and trees in place of f were tried and order unseen
networks no better (experiments/tournament).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

from compiler.cost.features import FEATURES, PAPER
from compiler.cost.tournament import PAIRS, SCHEDULES, Layer, Tournament
from harness.errors import RecordError
from harness.learn.pairs import Survey, training_pairs

DIGITS = 7  # significant ones, what single precision holds
FIRST_GUESS = "log estimate"  # what the others correct


class Form(Protocol):
    """What a tournament sees and how it is trained; its fields are the settings of the training."""

    @property
    def features(self) -> tuple[str, ...]: ...

    @property
    def settings(self) -> Mapping[str, Any]: ...

    def fitted(self, surveys: Sequence[Survey], seed: int) -> Tournament: ...


@dataclass(frozen=True)
class BradleyTerry:
    """f linear, each pair weighted by how much slower the slower one is, up to `largest_gap`.

    `strength` is that of the penalty on squared weights of standardised features, in pairs. The
    roofline's estimate is trusted: its weight is `trust` times as free as the others.
    """

    strength: float = 0.25
    trust: float = 10.0
    largest_gap: float = 0.7  # of the logarithm of seconds: twice as slow

    @property
    def features(self) -> tuple[str, ...]:
        return tuple(FEATURES)

    @property
    def settings(self) -> Mapping[str, Any]:
        return {"model": "Bradley-Terry", **asdict(self)}

    def fitted(self, surveys: Sequence[Survey], seed: int) -> Tournament:
        first, second, gaps = training_pairs(surveys, seed)
        scaler = StandardScaler().fit(np.vstack([survey.rows for survey in surveys]))
        trust = np.array([self.trust if x == FIRST_GUESS else 1.0 for x in self.features])
        differences = (first - second) / scaler.scale_ * trust
        weights = np.minimum(np.abs(gaps), self.largest_gap)
        weights /= weights.mean()
        model = LogisticRegression(C=1 / (self.strength * len(gaps)), fit_intercept=False)
        model.fit(differences, gaps > 0, sample_weight=weights)  # whether the first is slower
        layer = Layer(tuple((w,) for w in _rounded(model.coef_[0] * trust)), (0.0,))
        mean, scale = _rounded(scaler.mean_), _rounded(scaler.scale_)
        return Tournament(self.features, SCHEDULES, mean, scale, (layer,), {})


@dataclass(frozen=True)
class Perceptron:
    """The paper's network."""

    hidden: tuple[int, ...] = (32, 20, 16, 12, 8)
    epochs: int = 20
    batch: int = 512

    @property
    def features(self) -> tuple[str, ...]:
        return tuple(PAPER)

    @property
    def settings(self) -> Mapping[str, Any]:
        return {"model": "multilayer perceptron", **asdict(self)}

    def fitted(self, surveys: Sequence[Survey], seed: int) -> Tournament:
        first, second, gaps = training_pairs(surveys, seed)
        inputs = np.hstack([first, second])
        scaler = StandardScaler().fit(inputs)
        # A level that holds the same in every schedule of the campaigns has no spread to divide by.
        scaled, faster = scaler.transform(inputs), (gaps < 0).astype(int)
        network = MLPClassifier(
            self.hidden, batch_size=min(self.batch, len(gaps)), random_state=seed
        )
        for _ in range(self.epochs):
            network.partial_fit(scaled, faster, classes=[0, 1])
        layers = tuple(
            Layer(tuple(_rounded(row) for row in weights), _rounded(biases))
            for weights, biases in zip(network.coefs_, network.intercepts_, strict=True)
        )
        mean, scale = _rounded(scaler.mean_), _rounded(scaler.scale_)
        return Tournament(self.features, PAIRS, mean, scale, layers, {})


FORMS: Mapping[str, Form] = {"all": BradleyTerry(), "paper": Perceptron()}


def trained(form: Form, surveys: Sequence[Survey], seed: int) -> Tournament:
    """The same surveys and seed give the same tournament.

    Raises RecordError where no pair of schedules differs.
    """
    if not any(len(training_pairs([survey], seed)[2]) for survey in surveys):
        raise RecordError("nothing to learn from: no two measured candidates differ")
    return form.fitted(surveys, seed)


def _rounded(values: Any) -> tuple[float, ...]:
    return tuple(float(f"{value:.{DIGITS}g}") for value in np.asarray(values).tolist())
