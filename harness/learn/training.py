"""The tournament's network from surveys: scikit-learn trains it, plain numbers leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

from compiler.cost.tournament import Layer, PairClassifier
from harness.errors import RecordError
from harness.learn.pairs import Survey, training_pairs

HIDDEN = (32, 20, 16, 12, 8)  # the paper's layers
EPOCHS = 20
BATCH = 512
DIGITS = 7  # significant ones, what single precision holds


def trained(
    surveys: Sequence[Survey], seed: int, provenance: Mapping[str, Any] | None = None
) -> PairClassifier:
    """The network after EPOCHS passes; the same surveys and seed give the same one.

    Raises RecordError where no pair of schedules differs.
    """
    inputs, faster = training_pairs(surveys, seed)
    if not len(faster):
        raise RecordError("nothing to learn from: no two measured candidates differ")
    scaler = StandardScaler().fit(inputs)
    # A level that holds the same in every schedule of the campaigns has no spread to divide by.
    scaled = scaler.transform(inputs)
    network = MLPClassifier(HIDDEN, batch_size=min(BATCH, len(faster)), random_state=seed)
    for _ in range(EPOCHS):
        network.partial_fit(scaled, faster, classes=[0, 1])
    return PairClassifier(
        _rounded(scaler.mean_),
        _rounded(scaler.scale_),
        tuple(
            Layer(tuple(_rounded(row) for row in weights), _rounded(biases))
            for weights, biases in zip(network.coefs_, network.intercepts_, strict=True)
        ),
        provenance or {},
    )


def _rounded(values: Any) -> tuple[float, ...]:
    return tuple(float(f"{value:.{DIGITS}g}") for value in np.asarray(values).tolist())
