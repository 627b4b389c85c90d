"""What either form learns, and that the compiler evaluates what scikit-learn trained."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier

from compiler.cost.features import FEATURES, PAPER
from compiler.cost.tournament import PAIRS, SCHEDULES
from compiler.cost.tournament_file import tournament_data
from harness.errors import RecordError
from harness.learn.pairs import accuracy
from harness.learn.training import FORMS, BradleyTerry, Perceptron, trained
from tests.harness.learn.surveys import made_up


@pytest.mark.parametrize(("name", "judges"), [("all", SCHEDULES), ("paper", PAIRS)])
def test_each_form_learns_what_there_is_to_learn(name: str, judges: str) -> None:
    form = FORMS[name]
    surveys = [made_up("a", f"s{n}", n, form=form) for n in range(4)]
    tournament = trained(form, surveys, 0)
    assert (tournament.features, tournament.judges) == (form.features, judges)
    assert accuracy(tournament, made_up("b", "new", 9, form=form)).share > 0.9


def test_the_same_surveys_and_seed_give_the_same_tournament() -> None:
    surveys = [made_up("a", "a", 1)]
    one, same, other = (tournament_data(trained(Perceptron(), surveys, n)) for n in (5, 5, 6))
    assert one == same != other


def test_the_compiler_evaluates_what_scikit_learn_trained() -> None:
    survey = made_up("a", "a", 1)
    tournament = trained(Perceptron(), [survey], 0)
    network = MLPClassifier(Perceptron().hidden, random_state=0)
    network.partial_fit(np.zeros((2, 8)), [0, 1], classes=[0, 1])
    network.coefs_ = [np.array(layer.weights) for layer in tournament.layers]
    network.intercepts_ = [np.array(layer.biases) for layer in tournament.layers]
    pairs = [np.hstack([one, other]) for one in survey.rows for other in survey.rows]
    scaled = (np.array(pairs) - tournament.mean) / tournament.scale
    wanted = network.predict_proba(scaled)[:, 1]
    scores = tournament.scores(survey.rows, survey.rows).reshape(-1)
    assert np.allclose(1 / (1 + np.exp(-scores)), wanted, atol=1e-4)


def test_an_estimate_is_trusted_until_the_surveys_speak() -> None:
    """With a penalty that nothing outweighs, what is left is the roofline's order."""
    form = BradleyTerry(strength=1e6)
    at = tuple(FEATURES).index("log estimate")
    surveys = [made_up("a", f"s{n}", n, form=form, decides=at) for n in range(3)]
    weights = np.array([w for (w,) in trained(form, surveys, 0).layers[0].weights])
    others = np.delete(weights, at)
    assert weights[at] > 0 and abs(others).max() < weights[at] / 20


def test_nothing_to_learn_is_said() -> None:
    with pytest.raises(RecordError, match="no two measured candidates differ"):
        trained(Perceptron(), [made_up("a", "x", 1, rule=lambda row: 1.0)], 0)


def test_the_papers_bytes_are_among_all() -> None:
    assert FORMS["paper"].features == tuple(PAPER) and set(PAPER) < set(FORMS["all"].features)
