from __future__ import annotations

from pathlib import Path

import pytest

from harness.claims.reading import Reader, held_against, own_path, selected
from harness.claims.verdict import Here
from harness.errors import SettingsError
from tests.harness.claims.records import HERE, toy_claims
from tests.harness.review_campaigns import made_up

MACHINE = Here(HERE, 2)


def test_kept_records_come_before_this_machines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    claims = toy_claims(tmp_path)
    ahead = claims.claims["ahead"]
    kept, own = Reader(claims, MACHINE), Reader(claims, MACHINE, own=True)
    assert kept.judged(ahead).verdict == "reproduced"
    assert own.judged(ahead).note.startswith("not recorded yet; polydl run")
    made_up(own_path("toy"), 3)
    assert own.judged(ahead).measured is None  # it has been looked at
    own.forget("toy")
    measured = own.judged(ahead).measured
    assert measured is not None and measured.problems < 5
    assert isinstance(kept.records("far"), str)
    assert kept.judged(claims.claims["elsewhere"]).verdict == "not attempted"


def test_what_is_due_is_what_was_not_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    claims = toy_claims(tmp_path)
    kept, own = Reader(claims, MACHINE), Reader(claims, MACHINE, own=True)
    assert own.due("toy") and kept.due("far") and not kept.due("toy")
    folder = made_up(own_path("toy"), 3)
    own.forget("toy")
    assert own.due("toy")  # its page comes last
    folder.report.write_text("page")
    assert not own.due("toy")


def test_why_a_campaign_was_refused_is_why_it_has_no_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    claims = toy_claims(tmp_path)
    own = Reader(claims, MACHINE, own=True)
    own.forget("toy", refused="it does not fit")
    assert own.judged(claims.claims["ahead"]).note.startswith("it does not fit; polydl run")


def test_against_one_campaign(tmp_path: Path) -> None:
    claims = toy_claims(tmp_path)
    folder = made_up(tmp_path / "other", 3)
    one, other = held_against(folder.path, claims, claims.claims.values(), MACHINE)
    assert (one.verdict, other.verdict) == ("reproduced", "not attempted")
    (lost, _) = held_against(tmp_path / "nowhere", claims, claims.claims.values(), MACHINE)
    assert lost.note.startswith("not recorded yet")


def test_claims_are_selected_by_name_campaign_and_pattern(tmp_path: Path) -> None:
    claims = toy_claims(tmp_path, problems=1)
    assert [c.name for c in selected(claims, [])] == ["ahead", "elsewhere"]
    assert [c.name for c in selected(claims, ["toy"])] == ["ahead"]
    assert [c.name for c in selected(claims, ["e*", "ahead"])] == ["elsewhere", "ahead"]
    with pytest.raises(SettingsError, match="no claim 'elsewere'; nearest: elsewhere"):
        selected(claims, ["elsewere"])
    with pytest.raises(SettingsError, match="no claim ''"):
        selected(claims, [""])  # the campaign of claims that have none
