from __future__ import annotations

from pathlib import Path

import pandas
import pytest

from harness.cli import main
from harness.record.journal import CampaignFolder


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_real_campaign_in_every_form(
    small_campaign: CampaignFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    name = str(small_campaign.path)
    assert main(["export-data", name, "out=trials.csv"]) == 0
    assert main(["export-data", name, "format=parquet", "out=trials.parquet"]) == 0
    assert main(["export-data", name, "format=latex", "out=trials.tex"]) == 0
    assert main(["export-data", name]) == 0
    assert capsys.readouterr().out == Path("trials.csv").read_text()
    one, other = pandas.read_csv("trials.csv"), pandas.read_parquet("trials.parquet")
    assert len(one) == len(other) == len(small_campaign.results()) == 10
    assert one["trial"].tolist() == other["trial"].tolist()
    assert one["gflops"].tolist()[:4] == other["gflops"].tolist()[:4]
    measured = one[one["status"] == "ok"]
    assert (measured["seconds.low"] <= measured["seconds"]).all()
    assert (measured["seconds"] <= measured["seconds.high"]).all()
    assert set(one["status"]) == {"ok", "skipped"}
    assert "roofline" in Path("trials.tex").read_text()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nowhere"], "campaign 'nowhere': no such folder"),
        ([], "CAMPAIGN is missing"),
        (["{}", "format=xls"], "format must be one of csv, parquet, latex, got xls"),
        (["{}", "format=parquet"], "format=parquet is no text; name a file: out=FILE"),
        (["{}", "out=/no/where"], "cannot write /no/where"),
    ],
)
def test_mistakes_are_one_line(
    words: list[str],
    told: str,
    small_campaign: CampaignFolder,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = [word.format(small_campaign.path) for word in words]
    assert main(["export-data", *given]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line
