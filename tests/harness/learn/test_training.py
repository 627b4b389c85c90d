from __future__ import annotations

import io
from collections.abc import Callable, Mapping

import numpy as np
import pytest
from rich.console import Console
from sklearn.neural_network import MLPClassifier

from compiler.cost.tournament import classifier_data, level_rows, transformed
from harness.errors import RecordError, SettingsError
from harness.learn.pairs import Survey
from harness.learn.report import accuracy_table, trained_and_judged
from harness.learn.training import HIDDEN, trained

LEVELS = ("L1", "L2", "L3", "memory")


def made_up(
    network: str,
    identity: str,
    seed: int,
    count: int = 40,
    rule: Callable[..., float] | None = None,
) -> Survey:
    """A survey where the one with the fewest bytes in memory is fastest."""
    rng = np.random.default_rng(seed)
    held: list[Mapping[str, float]] = [
        dict(zip(LEVELS, np.exp(rng.uniform(5, 15, 4)).round(), strict=True)) for _ in range(count)
    ]
    seconds = [rule(h) if rule else h["memory"] for h in held]
    return Survey(network, identity, identity, level_rows(held), np.array(seconds))


def test_it_learns_what_there_is_to_learn() -> None:
    surveys = [made_up("seen", f"s{n}", n) for n in range(4)] + [made_up("new", "n0", 9)]
    classifier, judged = trained_and_judged(surveys, ["new"], 0, ["c"], ["h"])
    seen, new = judged
    assert (seen.seen, new.seen) == (True, False)
    assert (new.problems, new.candidates, new.accuracy.pairs) == (1, 40, 40 * 39 // 2)
    assert new.accuracy.share > 0.9
    assert new.accuracy.clear_share >= new.accuracy.share
    provenance = classifier.provenance
    assert provenance["networks"]["new"]["accuracy"]["share"] == new.accuracy.share
    assert (provenance["campaigns"], provenance["hosts"], provenance["seed"]) == (["c"], ["h"], 0)
    assert provenance["versions"]["scikit-learn"]


def test_there_is_nothing_to_learn_from_noise() -> None:
    rng = np.random.default_rng(0)
    surveys = [made_up(n, n, k, rule=lambda h: rng.random() + 1) for k, n in enumerate("abcd")]
    _, judged = trained_and_judged(surveys, ["d"], 0, [], [])
    assert 0.4 < judged[3].accuracy.share < 0.6


def test_the_same_surveys_and_seed_give_the_same_network() -> None:
    surveys = [made_up("a", "a", 1)]
    assert classifier_data(trained(surveys, 5)) == classifier_data(trained(surveys, 5))
    assert classifier_data(trained(surveys, 5)) != classifier_data(trained(surveys, 6))


def test_the_compiler_evaluates_what_scikit_learn_trained() -> None:
    survey = made_up("a", "a", 1)
    classifier = trained([survey], 0)
    network = MLPClassifier(HIDDEN, random_state=0)
    network.partial_fit(np.zeros((2, 8)), [0, 1], classes=[0, 1])
    network.coefs_ = [np.array(layer.weights) for layer in classifier.layers]
    network.intercepts_ = [np.array(layer.biases) for layer in classifier.layers]
    rows = transformed(survey.rows)
    pairs = [np.hstack([one, other]) for one in rows for other in rows]
    scaled = (np.array(pairs) - classifier.mean) / classifier.scale
    wanted = network.predict_proba(scaled)[:, 1]
    scores = classifier.scores(survey.rows, survey.rows).reshape(-1)
    assert np.allclose(1 / (1 + np.exp(-scores)), wanted, atol=1e-4)


def test_layers_shared_with_a_test_network_are_not_learned() -> None:
    surveys = [made_up("a", "own", 1), made_up("a", "shared", 2), made_up("b", "shared", 3)]
    classifier, _ = trained_and_judged(surveys, ["b"], 0, [], [])
    assert classifier.provenance["trained_on"] == {"problems": 1, "left_out": ["shared"]}
    alone, _ = trained_and_judged([surveys[0], surveys[2]], ["b"], 0, [], [])
    assert classifier.layers == alone.layers


def test_mistakes_are_named() -> None:
    surveys = [made_up("a", "x", 1), made_up("b", "y", 2)]
    with pytest.raises(SettingsError, match="test: no network 'c'; known: a, b"):
        trained_and_judged(surveys, ["c"], 0, [], [])
    with pytest.raises(SettingsError, match="nothing is left to train on besides a, b"):
        trained_and_judged(surveys, ["a", "b"], 0, [], [])
    with pytest.raises(RecordError, match="no two measured candidates differ"):
        trained([made_up("a", "x", 1, rule=lambda h: 1.0)], 0)


def test_the_table_adds_up_what_is_unseen() -> None:
    surveys = [made_up(n, n, k) for k, n in enumerate("abc")]
    _, judged = trained_and_judged(surveys, ["b", "c"], 0, [], [])
    shown = io.StringIO()
    Console(file=shown, width=100).print(accuracy_table(judged))
    lines = [line.split() for line in shown.getvalue().splitlines()]
    together = next(words for words in lines if words[:2] == ["all", "unseen"])
    assert together[2:6] == ["unseen", "2", "80", str(40 * 39)]
