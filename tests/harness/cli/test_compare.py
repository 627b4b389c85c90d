from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from harness.cli import main
from harness.record.journal import CampaignFolder
from harness.report.comparison import OTHER_HOSTS
from tests.harness.analysis.past import campaign, written
from tests.harness.analysis.test_history import past
from tests.harness.report.hostile import hostile


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """./runs with equal campaigns, one with a slowed contender, and one of another host."""
    monkeypatch.chdir(tmp_path)
    for one in (
        campaign("before"),
        campaign("again"),
        campaign("slowed", slow={"top_k": 1.1}),
        campaign("elsewhere", host={"fingerprint": "bb", "name": "node-b"}),
    ):
        written(tmp_path / "runs" / one.name, one)
    return tmp_path / "runs"


def test_equal_campaigns_end_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "before", "again"]) == 0
    told = capsys.readouterr().out
    assert "no regression" in told and "6 trials in both: " in told


def test_a_slowed_contender_is_named_and_ends_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "before", "slowed"]) == 1
    told = capsys.readouterr().out
    assert "slower by more than 3%: top_k on" in told
    assert main(["compare", "before", "slowed", "threshold=0.2"]) == 0
    assert main(["compare", "slowed", "before"]) == 0  # faster is no regression


def test_other_hosts_are_told_before_any_number(capsys: pytest.CaptureFixture[str]) -> None:
    main(["compare", "before", "elsewhere"])
    told = capsys.readouterr().out
    assert told.index("node-a") < told.index(OTHER_HOSTS) < told.index("ratio")


@pytest.mark.parametrize("form", ["text", "markdown", "junit", "json"])
def test_every_form_goes_to_a_file(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["compare", "before", "slowed", f"format={form}"]
    assert main([*words, "out=told"]) == 1
    assert capsys.readouterr().out == ""
    text = Path("told").read_text()
    assert main(words) == 1
    assert capsys.readouterr().out.split() == text.split()
    assert "top_k" in text.replace("\\", "")
    if form == "junit":
        assert ElementTree.fromstring(text).attrib["failures"] == "3"
    if form == "json":
        held = json.loads(text)
        assert held["regressed"] is True and len(held["pairs"]) == 6
        assert held["pairs"][0]["contender"] == "top_k" and held["pairs"][0]["by"] == "onednn"


def test_several_campaigns_are_a_history(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = [one.name for one in past()]
    for one in past():
        written(runs / one.name, one)
    assert main(["compare", *names]) == 0  # the last two are alike
    told = capsys.readouterr().out
    assert "history of 5 campaigns" in told and "at 3 (c2)" in told
    assert main(["compare", *names[:3]]) == 1
    assert main(["compare", *names, "format=json", "out=told"]) == 0
    series = json.loads(Path("told").read_text())["series"]
    slowed = [one for one in series if one["contender"] == "roofline"]
    assert all([step["at"] for step in one["steps"]] == [2] for one in slowed)
    assert all(len(one["points"]) == 5 for one in series)


def test_a_real_campaign_compares_with_itself(
    small_campaign: CampaignFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", str(small_campaign.path), str(small_campaign.path)]) == 0
    told = capsys.readouterr().out
    assert "nothing that is recorded" in told and "10 trials in both" in told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["before"], "one campaign is named"),
        ([], "CAMPAIGN is missing"),
        (["before", "nowhere"], "campaign 'nowhere': no such folder"),
        (["before", "again", "threshold=2"], "threshold must be a number from 0 to 1, got 2"),
        (["before", "again", "format=xml"], "must be one of text, markdown, junit, json, got xml"),
        (["before", "again", "out=/no/where"], "cannot write /no/where"),
    ],
)
def test_mistakes_are_one_line(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line


def test_hostile_records_are_told_in_every_form(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("bad", "worse"):
        written(runs / name, hostile(name))
    for form in ("text", "markdown", "junit", "json"):
        assert main(["compare", "bad", "worse", f"format={form}"]) in (0, 1)
        told = capsys.readouterr()
        assert "\x1b" not in told.out and told.err == ""
