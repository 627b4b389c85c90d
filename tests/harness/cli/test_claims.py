from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.cli import claims, main
from tests.harness.claims.records import HERE, TEXT, toy_claims, write_claims


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    return str(toy_claims(tmp_path).folder / "claims.yaml")


def test_verdicts_in_every_form(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["claims", f"file={file}"]) == 0
    told = capsys.readouterr().out
    assert "2 claims: 1 reproduced, 1 not attempted" in told and "elsewhere: other machine" in told
    assert main(["claims", "ahead", f"file={file}", "format=json"]) == 0
    (one,) = json.loads(capsys.readouterr().out)
    assert (one["verdict"], one["host"], one["records"]) == ("reproduced", "here", "toy/here")
    assert one["ci95"][0] <= one["value"] <= one["ci95"][1]
    assert main(["claims", f"file={file}", "format=html", "out=claims.html"]) == 0
    page = Path("claims.html").read_text()
    assert "1 reproduced" in page and "polydl run experiment=toy" in page and HERE in page
    assert "<script" not in page and "http:" not in page
    assert main(["claims", f"file={file}", "format=markdown"]) == 0
    assert "| ahead | at least 0.5" in capsys.readouterr().out


def test_against_a_campaign(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["claims", f"file={file}", "from=made"]) == 0
    assert "1 reproduced" in capsys.readouterr().out


def test_a_surprise_is_status_1(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    changed = {**TEXT["claims"], "ahead": {**TEXT["claims"]["ahead"], "expected": {"value": 7}}}
    write_claims(Path(file).parent, {**TEXT, "claims": changed})
    assert main(["claims", f"file={file}"]) == 1
    assert "1 deviates" in capsys.readouterr().out


def test_tables_are_written_once(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    page = Path("README.md")
    page.write_text("1.05 of it\n<!-- table toy -->\n<!-- end of table -->\n")
    assert main(["claims", f"file={file}", "tables=true"]) == 0
    assert "written: " in capsys.readouterr().out and "| problem |" in page.read_text()
    assert main(["claims", f"file={file}", "tables=true"]) == 0
    assert "every table is as its records make it" in capsys.readouterr().out


def test_what_takes_too_long_is_told(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["claims", f"file={file}", "again=true", "minutes=0.5"]) == 0
    told = capsys.readouterr().out
    assert "toy: takes 1 minutes, more than minutes=0.5" in told


def test_what_cannot_be_measured_here_is_not_attempted_and_says_why(
    file: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    again = ["claims", f"file={file}", "again=true", "minutes=5"]
    assert main(again) == 0  # there is no experiment=toy
    told = capsys.readouterr().out
    assert "toy: experiment: unknown option 'toy'" in told and "2 not attempted" in told
    assert "ahead: experiment: unknown option 'toy'" in " ".join(told.split())
    toy = {**TEXT["campaigns"]["toy"], "needs": ["metaschedule"]}
    write_claims(Path(file).parent, {**TEXT, "campaigns": {**TEXT["campaigns"], "toy": toy}})
    monkeypatch.setenv("XDG_CACHE_HOME", str(Path("cache").resolve()))
    assert main(again) == 0
    told = capsys.readouterr().out
    assert "unknown option" not in told and "library missing: metaschedule" in told


def test_a_campaign_needs_them_before_it_begins(
    file: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(claims, "FILE", Path(file).with_name("none.yaml"))
    assert main(["run", "claims=true", "campaign.dir=new"]) == 2
    assert "no claims beside this installation" in capsys.readouterr().err
    assert not Path("new").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nothing"], "no claim 'nothing'"),
        (["from=nowhere"], "campaign 'nowhere': no such folder"),
        (["minutes=-1"], "minutes must be a number from 0"),
        (
            ["ahead", "tables=true", "out=x"],
            "tables=true writes every table; it takes no SELECT or",
        ),
        (["from=made", "again=true"], "from=made is read alone; it takes no again"),
    ],
)
def test_mistakes_are_one_line(
    words: list[str], told: str, file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["claims", f"file={file}", *words]) == 2
    error = capsys.readouterr().err
    assert told in error and error.count("\n") == 1
