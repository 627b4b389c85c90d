"""A tournament as plain data: what `polydl train` writes, and what is checked where it is read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from importlib import resources
from itertools import pairwise
from math import isfinite
from typing import Any

import numpy as np

from compiler.cost.features import FEATURES, LARGEST
from compiler.cost.tournament import JUDGES, PAIRS, SCHEDULES, Layer, Tournament
from compiler.errors import CompilerError, shown

KIND = "polydl tournament"
LONGEST = 60  # characters of an unknown feature that is compared with the known
MEANS = {
    PAIRS: "features of the first schedule, then of the second; above 0: the first is faster",
    SCHEDULES: "features of a schedule; the lower of two is faster",
}


def tournament_from(data: object, where: str = "tournament") -> Tournament:
    """The one that `tournament_data` made plain data of; CompilerError says what is wrong."""
    if not isinstance(data, Mapping) or data.get("kind") != KIND:
        raise CompilerError(f"{where}: is no trained tournament (kind: {KIND})")
    missing = [key for key in ("features", "judges", "mean", "scale", "layers") if key not in data]
    if missing:
        raise CompilerError(f"{where}: '{missing[0]}' is missing")
    features, judges = _features(data["features"], where), data["judges"]
    if judges not in JUDGES:
        raise CompilerError(f"{where}: judges must be {' or '.join(JUDGES)}, got {shown(judges)}")
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
    inputs = len(features) * (2 if judges == PAIRS else 1)
    widths = [inputs, *(len(layer.biases) for layer in layers)]
    shapes = [(len(layer.weights), {len(row) for row in layer.weights}) for layer in layers]
    fits = shapes == [(a, {b}) for a, b in pairwise(widths)]
    if not fits or widths[-1] != 1 or len(mean) != inputs or len(scale) != inputs:
        raise CompilerError(f"{where}: features, mean, scale and layers do not fit together")
    if min(scale) <= 0:
        raise CompilerError(f"{where}: scale must be > 0, got {min(scale)}")
    if not _reach(mean, scale, layers) < float(np.finfo(np.float32).max):
        raise CompilerError(f"{where}: its scores may be too large for single precision")
    return Tournament(features, judges, mean, scale, layers, dict(provenance))


def _features(names: object, where: str) -> tuple[str, ...]:
    if not isinstance(names, list) or not names:
        raise CompilerError(f"{where}: features must be a list of names, got {shown(names)}")
    for name in names:
        if not isinstance(name, str) or name not in FEATURES:
            near = get_close_matches(str(name)[:LONGEST], FEATURES, n=1, cutoff=0.0)[0]
            raise CompilerError(
                f"{where}: unknown feature '{shown(name, LONGEST)}', nearest: {near}; "
                "docs/concepts/ranking.md lists all"
            )
    if len(set(names)) < len(names):
        raise CompilerError(f"{where}: features names '{max(names, key=names.count)}' twice")
    return tuple(names)


def _reach(mean: Sequence[float], scale: Sequence[float], layers: Sequence[Layer]) -> float:
    """What no value in the network exceeds."""
    reach = max((LARGEST + abs(m)) / s for m, s in zip(mean, scale, strict=True))
    for layer in layers:
        sums = [sum(map(abs, column)) for column in zip(*layer.weights, strict=True)]
        reach = max(s * reach + abs(b) for s, b in zip(sums, layer.biases, strict=True))
    return reach


@cache
def shipped_tournament(name: str) -> Tournament:
    """One that comes with the package, by its ranking: a constant, kept as data."""
    file = f"{name}.json"
    text = resources.files("compiler.cost").joinpath(file).read_text(encoding="utf-8")
    return tournament_from(json.loads(text), file)


def tournament_data(tournament: Tournament) -> dict[str, object]:
    """Plain data for JSON, from which `tournament_from` makes the same tournament."""
    return {
        "kind": KIND,
        "features": list(tournament.features),
        "judges": tournament.judges,
        "means": MEANS[tournament.judges],
        "activation": "max(0, x) between layers",
        "provenance": dict(tournament.provenance),
        "mean": list(tournament.mean),
        "scale": list(tournament.scale),
        "layers": [
            {"weights": [list(row) for row in layer.weights], "biases": list(layer.biases)}
            for layer in tournament.layers
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
