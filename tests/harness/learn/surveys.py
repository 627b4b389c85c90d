"""Surveys of no schedule at all: random features, seconds by a rule."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from harness.learn.pairs import Survey
from harness.learn.training import Form, Perceptron

MEMORY = 3  # the paper's last feature


def made_up(
    network: str,
    identity: str,
    seed: int,
    count: int = 40,
    rule: Callable[[np.ndarray], float] | None = None,
    form: Form | None = None,
    decides: int = MEMORY,
    host: str = "here",
) -> Survey:
    """A survey where the one with the least of the feature number `decides` is fastest."""
    rng = np.random.default_rng(seed)
    rows = rng.uniform(5, 15, (count, len((form or Perceptron()).features)))
    seconds = np.array([rule(row) if rule else np.exp(row[decides]) for row in rows])
    return Survey(network, identity, identity, host, rows, seconds, seconds * rng.uniform(1, 2))
