"""`polydl report`, and the page that a run leaves in its folder."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from harness.cli import main
from harness.record.journal import CampaignFolder
from tests.harness.campaigns import BRIEF, TOY
from tests.harness.review_campaigns import made_up


def test_the_page_goes_into_the_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = made_up(tmp_path / "one", problems=2)
    assert main(["report", str(folder.path)]) == 0
    assert str(folder.report) in capsys.readouterr().out
    assert "layer_0001" in folder.report.read_text()


def test_or_where_it_is_asked_for(tmp_path: Path) -> None:
    folder = made_up(tmp_path / "one", problems=1)
    assert main(["report", str(folder.path), f"out={tmp_path / 'page.html'}"]) == 0
    assert (tmp_path / "page.html").read_text().startswith("<!DOCTYPE html>")
    assert not folder.report.exists()


@pytest.mark.parametrize("out", ["nowhere/page.html", "."])
def test_what_cannot_be_written_is_told_in_a_line(
    out: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = made_up(tmp_path / "one", problems=1)
    assert main(["report", str(folder.path), f"out={tmp_path / out}"]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "cannot write" in told


def test_no_campaign_no_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(tmp_path / "none")]) == 2
    assert "no such folder" in capsys.readouterr().err


def test_a_run_leaves_its_page(small_campaign: CampaignFolder) -> None:
    text = small_campaign.report.read_text()
    assert "matmul_m6_n16" in text
    assert "polydl run -m" in text


def test_a_run_goes_on_without_jinja2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ours = ("harness.report.review_file", "harness.report.review_page", "harness.report.pages")
    for loaded in [m for m in sys.modules if m in ours or m.partition(".")[0] == "jinja2"]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setitem(sys.modules, "jinja2", None)
    words = [*TOY, "baseline=[]", *BRIEF, f"campaign.dir={tmp_path / 'one'}"]
    assert main(["run", *words]) == 0
    assert f"later: polydl report {tmp_path / 'one'}" in capsys.readouterr().out


def test_two_campaigns_make_a_page_of_their_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, after = (made_up(tmp_path / name, problems=2) for name in ("before", "after"))
    assert main(["report", str(before.path), str(after.path)]) == 0
    page = after.path / "compared.html"
    assert str(page) in capsys.readouterr().out
    assert "after against before" in page.read_text()
    assert not after.report.exists()


def test_of_several_the_newest_with_the_history_of_all(tmp_path: Path) -> None:
    folders = [made_up(tmp_path / name, problems=2) for name in ("first", "second", "third")]
    for day, folder in zip((2, 1, 3), folders, strict=True):
        lines = folder.results_file.read_text().replace("2026-03-04", f"2026-03-0{day}")
        folder.results_file.write_text(lines)
    assert main(["report", *(str(folder.path) for folder in folders)]) == 0
    text = (folders[2].path / "compared.html").read_text()
    assert "third against first" in text  # in the order of time
    assert '"series":' in text
