from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.claims.claim import claims_in
from harness.claims.quantities import SpeedupOptions
from harness.claims.sources import check_sources
from harness.errors import SettingsError
from tests.harness.claims.records import TEXT, write_claims


def test_a_file_is_read(tmp_path: Path) -> None:
    claims = claims_in(write_claims(tmp_path / "experiments"))
    ahead = claims.claims["ahead"]
    assert ahead.of == SpeedupOptions(contender="roofline")
    assert ahead.expected is not None and ahead.expected.at_least == 0.5
    assert str(ahead.source) == "paper, abstract"
    assert claims.claims["elsewhere"].not_attempted == "other machine"
    assert claims.campaigns["toy"].minutes == 1 and claims.tables["toy"].shows == "problems"
    check_sources(claims)


def changed(*path: str, to: Any = None) -> Callable[[dict[str, Any]], None]:
    def change(held: dict[str, Any]) -> None:
        for key in path[:-1]:
            held = held[key]
        if to is None:
            del held[path[-1]]
        else:
            held[path[-1]] = to

    return change


MISTAKES = (
    (changed("claim", to={}), "unknown key 'claim'; nearest: claims; known: hosts, campaigns"),
    (changed("hosts", to=[1]), r"hosts must be a mapping, got \[1\]"),
    (changed("hosts", "here", "cores", to=0), "hosts.here: unknown key 'cores'"),
    (changed("campaigns", "toy", "threads", to=0), "campaigns.toy.threads must be >= 1, got 0"),
    (changed("campaigns", "toy", "host", to="her"), "campaigns.toy.host: unknown 'her'; nearest:"),
    (changed("campaigns", "toy", "minute", to=1), "campaigns.toy: unknown key 'minute'"),
    (changed("campaigns", "toy", "command"), "campaigns.toy: records and command are needed"),
    (changed("claims", "ahead", to=7), "claims.ahead must be a mapping, got 7"),
    (changed("claims", "ahead", "says"), "claims.ahead: says and source are needed"),
    (changed("claims", "ahead", "quantity", to="speed"), "claims.ahead.quantity must be one of"),
    (changed("claims", "ahead", "campaign", to="to"), "claims.ahead.campaign: unknown 'to'"),
    (changed("claims", "ahead", "expected"), "claims.ahead: expected is missing, or not_attempted"),
    (changed("claims", "ahead", "expected", to={}), "claims.ahead.expected: give either value, or"),
    (changed("claims", "ahead", "expected", "value", to=1), "give either value, or at_least"),
    (
        changed("claims", "ahead", "expected", "at_least", to=float("nan")),
        "must be finite, got nan",
    ),
    (changed("claims", "ahead", "tolerance", "share", to=2), "share must be <= 1, got 2"),
    (changed("claims", "ahead", "tolerance", "because"), "because is missing"),
    (changed("claims", "ahead", "of", "contestant", to="x"), "unknown key 'contestant'; nearest"),
    (changed("claims", "ahead", "of", "statistic", to="mode"), "statistic must be one of mean,"),
    (changed("claims", "ahead", "source", to={"file": "x"}), "name the paper's place as paper="),
    (changed("claims", "ahead", "not_attempted", to="x"), "is not attempted, so it takes no camp"),
    (changed("claims", "elsewhere", "host", to="x"), "claims.elsewhere.host: unknown 'x'"),
    (changed("tables", "toy", "shows", to="x"), "tables.toy.shows must be one of facts, text"),
    (changed("tables", "toy", "of", to={"x": 1}), "tables.toy.of: unknown key 'x'"),
)


@pytest.mark.parametrize(("change", "told"), MISTAKES)
def test_a_mistake_is_one_line_with_its_place(
    change: Callable[[dict[str, Any]], None], told: str, tmp_path: Path
) -> None:
    held = copy.deepcopy(TEXT)
    change(held)
    with pytest.raises(SettingsError, match=f"claims.yaml: .*{told}") as refusal:
        claims_in(write_claims(tmp_path / "experiments", held))
    assert "\n" not in str(refusal.value) and len(str(refusal.value)) <= 300


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("hosts: [", "claims.yaml: line 2"),
        ("hosts: {a: {cpu: x}, a: {cpu: y}}", "claims.yaml: line 1: 'a' is twice"),
        ("- 1", "claims.yaml: the file must be a mapping"),
        ("", "claims.yaml: the file must be a mapping"),
    ],
)
def test_what_is_no_claims_file(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=told):
        claims_in(write_claims(tmp_path / "experiments", text))


def test_a_text_that_its_page_does_not_say(tmp_path: Path) -> None:
    held = copy.deepcopy(TEXT)
    held["claims"]["elsewhere"]["source"]["text"] = "1.06 of it"
    claims = claims_in(write_claims(tmp_path / "experiments", held))
    with pytest.raises(SettingsError, match=r"elsewhere\.source: README\.md does not say '1.06 of"):
        check_sources(claims)
    held["claims"]["elsewhere"]["source"]["file"] = "nowhere.md"
    claims = claims_in(write_claims(tmp_path / "experiments", held))
    with pytest.raises(SettingsError, match=r"cannot read .*nowhere\.md"):
        check_sources(claims)
