"""What is learned and what is judged: splits by network and by host, and the tables of them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from rich.console import Console
from rich.table import Table

from harness.errors import SettingsError
from harness.learn.pairs import Survey
from harness.learn.report import Judged, accuracy_table, choice_table, trained_and_judged
from harness.learn.training import Perceptron
from tests.harness.learn.surveys import made_up

FORM = Perceptron(hidden=(8,), epochs=4)


def judged(surveys: list[Survey], *test: str) -> tuple[Judged, ...]:
    return trained_and_judged(FORM, surveys, [], test, 0, ["c"])[1]


def printed(table: Table, width: int = 110) -> list[list[str]]:
    shown = io.StringIO()
    Console(file=shown, width=width).print(table)
    return [line.split() for line in shown.getvalue().splitlines()]


def test_a_network_that_was_not_seen() -> None:
    surveys = [made_up("seen", f"s{n}", n) for n in range(4)] + [made_up("new", "n0", 9)]
    tournament, (seen, new) = trained_and_judged(Perceptron(), surveys, [], ["new"], 0, ["c"])
    assert (seen.seen, new.seen) == ("trained on", "unseen")
    assert (new.problems, new.candidates, new.accuracy.pairs) == (1, 40, 40 * 39 // 2)
    assert new.accuracy.share > 0.9 and new.accuracy.clear_share >= new.accuracy.share
    first = {name: choice.first.value for name, choice in new.choices.items()}
    assert first["roofline"] == 1 >= first["tournament"] > first["random pick"]
    provenance = tournament.provenance
    assert provenance["judged"][1]["accuracy"]["share"] == new.accuracy.share
    assert provenance["recordings"] == ["c"] and provenance["hosts"] == ["here"]
    assert provenance["trained_on"]["networks"] == ["seen"]
    assert provenance["versions"]["scikit-learn"]


def test_a_host_that_was_not_seen() -> None:
    here = [made_up("a", f"s{n}", n) for n in range(3)]
    there = [made_up("a", "s0", 0, host="there"), made_up("b", "s9", 9, host="there")]
    tournament, found = trained_and_judged(FORM, here, there, [], 0, ["here.csv"])
    assert [(one.host, one.network, one.seen) for one in found] == [
        ("here", "a", "trained on"),
        ("there", "a", "on another host"),
        ("there", "b", "unseen"),
    ]
    assert tournament.provenance["hosts"] == ["here"]
    alone, _ = trained_and_judged(FORM, here, [], [], 0, ["here.csv"])
    assert alone.layers == tournament.layers


def test_there_is_nothing_to_learn_from_noise() -> None:
    rng = np.random.default_rng(0)
    surveys = [made_up(n, n, k, rule=lambda row: rng.random() + 1) for k, n in enumerate("abcd")]
    assert 0.4 < judged(surveys, "d")[3].accuracy.share < 0.6


def test_layers_shared_with_a_test_network_are_not_learned() -> None:
    surveys = [made_up("a", "own", 1), made_up("a", "shared", 2), made_up("b", "shared", 3)]
    elsewhere = made_up("a", "shared", 4, host="there")
    both, _ = trained_and_judged(FORM, [*surveys, elsewhere], [], ["b"], 0, [])
    assert both.provenance["trained_on"]["problems"] == 1
    assert both.provenance["trained_on"]["left_out"] == ["shared", "shared"]
    alone, _ = trained_and_judged(FORM, [surveys[0], surveys[2]], [], ["b"], 0, [])
    assert both.layers == alone.layers


def test_mistakes_are_named() -> None:
    surveys = [made_up("a", "x", 1), made_up("b", "y", 2)]
    with pytest.raises(SettingsError, match="test: no network 'c'; known: a, b"):
        judged(surveys, "c")
    with pytest.raises(SettingsError, match="nothing is left to train on besides a, b"):
        judged(surveys, "a", "b")


def test_the_tables_add_up_what_is_unseen_and_name_every_ranking() -> None:
    found = judged([made_up(n, n, k) for k, n in enumerate("abc")], "b", "c")
    together = next(x for x in printed(accuracy_table(found)) if x[:2] == ["all", "unseen"])
    assert together[2:5] == ["unseen", "2", str(40 * 39)]
    lines = printed(choice_table(found))
    assert sum("roofline" in words for words in lines) == 3
    assert sum("random" in words for words in lines) == 3


def test_an_interval_stands_on_the_line_of_its_figure() -> None:
    surveys = [made_up("a", name, n, count=3) for n, name in enumerate(("x", "y"))]
    (row,) = (w for w in printed(choice_table(judged(surveys)), 80) if "roofline" in w)
    assert row[-6:] == ["1.00", "[1.00", "1.00]"] * 2
