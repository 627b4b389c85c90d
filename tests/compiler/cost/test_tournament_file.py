"""A tournament as plain data: there and back, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from compiler.cost.features import FEATURES, PAPER
from compiler.cost.tournament import SCHEDULES
from compiler.cost.tournament_file import shipped_tournament, tournament_data, tournament_from
from compiler.errors import CompilerError
from tests.compiler.cost.test_tournament import LEAST_MEMORY, made_up


@pytest.mark.parametrize("judges", ["pairs", "schedules"])
def test_plain_data_and_back(judges: str) -> None:
    tournament = made_up(3, (8 if judges == "pairs" else 4, 6, 1), judges)
    assert tournament_from(json.loads(json.dumps(tournament_data(tournament)))) == tournament


def test_the_shipped_ones_say_where_they_come_from() -> None:
    paper, own = shipped_tournament("polydl_tournament"), shipped_tournament("tournament")
    assert paper.features == tuple(PAPER) and paper.judges == "pairs"
    assert set(own.features) <= set(FEATURES) and {*PAPER, "log estimate"} <= set(own.features)
    assert own.judges == SCHEDULES
    for one in (paper, own):
        assert {"versions", "hosts", "seed", "trained_on"} <= set(one.provenance)
    assert len(own.provenance["hosts"]) >= 2
    assert all(one["accuracy"]["pairs"] > 0 for one in own.provenance["judged"])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"kind": "something"}, "m.json: is no trained tournament"),
        ({"features": "log L1 bytes"}, "features must be a list of names, got log L1 bytes"),
        ({"features": []}, "features must be a list of names"),
        ({"features": ["log L4 bytes"]}, "unknown feature 'log L4 bytes', nearest: log L"),
        ({"features": [3]}, "unknown feature '3'"),
        ({"features": ["registers"] * 4}, "features names 'registers' twice"),
        ({"features": ["log L1 bytes"]}, "do not fit together"),
        ({"judges": "schedules"}, "do not fit together"),
        ({"judges": ["pairs"]}, "judges must be pairs or schedules"),
        ({"mean": [0.0]}, "do not fit together"),
        ({"scale": [0.0] * 8}, "scale must be > 0"),
        ({"layers": []}, "do not fit together"),
        ({"layers": [{"weights": [[1e38]] * 8, "biases": [1.0]}]}, "too large for single"),
        ({"layers": [{"weights": [[1.0]] * 8, "biases": [float("nan")]}]}, "no finite numbers"),
        ({"layers": [{"weights": [[1.0]] * 7, "biases": [0.0]}]}, "do not fit together"),
        ({"layers": [{"weights": [[1.0, 2.0]] * 8, "biases": [0.0, 1.0]}]}, "do not fit together"),
        ({"layers": [{"biases": [0.0]}]}, "no finite numbers"),
        ({"provenance": []}, "provenance must be a mapping"),
    ],
)
def test_what_is_no_tournament_is_refused(change: dict[str, Any], told: str) -> None:
    with pytest.raises(CompilerError, match=told) as refused:
        tournament_from({**tournament_data(LEAST_MEMORY), **change}, "m.json")
    assert len(str(refused.value)) <= 300


def test_missing_keys_are_named() -> None:
    data = tournament_data(LEAST_MEMORY)
    del data["features"]  # as in files of before
    with pytest.raises(CompilerError, match="'features' is missing"):
        tournament_from(data)
    with pytest.raises(CompilerError, match="is no trained tournament"):
        tournament_from([1, 2])
