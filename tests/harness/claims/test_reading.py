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
