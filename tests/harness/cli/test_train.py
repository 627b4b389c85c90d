from __future__ import annotations

import json
from pathlib import Path

import pytest

from compiler.cost.features import FEATURES, PAPER
from harness.cli import main
from harness.plan import planned
from harness.settings import load_settings
from tests.harness.campaigns import PLENTY, TOY
from tests.harness.learn.campaigns import surveyed
from tests.harness.learn.test_survey_files import kept


def test_campaigns_become_a_file_that_a_strategy_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    surveyed(tmp_path / "runs" / "one", {16: "a", 48: "b"}, architecture=True)
    assert main(["train", "one", "out=m.json", "test=b"]) == 0
    printed = capsys.readouterr().out
    assert "unseen" in printed and "strategy.tournament.model=m.json" in printed
    data = json.loads(Path("m.json").read_text())
    assert data["judges"] == "schedules" and set(data["features"]) == set(FEATURES)
    provenance = data["provenance"]
    assert provenance["recordings"] == ["one"]
    seen = {one["network"]: one["seen"] for one in provenance["judged"]}
    assert seen == {"a": "trained on", "b": "unseen"}
    words = [*TOY, "strategy=tournament", "strategy.tournament.model=m.json", "baseline=[]"]
    (unit,) = planned(load_settings(words), "toy", PLENTY, str).units
    model = unit.strategies[0].options["model"]
    assert isinstance(model, dict) and model["provenance"] == provenance


def test_the_papers_form_needs_the_caches_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = surveyed(tmp_path / "one", {16: "a"}).path, tmp_path / "m.json"
    assert main(["train", str(folder), f"out={out}"]) == 2
    assert "features=paper does without" in capsys.readouterr().err
    assert main(["train", str(folder), f"out={out}", "features=paper"]) == 0
    data = json.loads(out.read_text())
    assert data["judges"] == "pairs" and data["features"] == list(PAPER)
    assert main(["train", str(folder), f"out={out}", "features=some"]) == 2
    assert "features must be one of all, paper, got some" in capsys.readouterr().err


def test_surveys_beside_campaigns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    campaign = surveyed(tmp_path / "one", {16: "a"}, architecture=True).path
    out, survey = tmp_path / "m.json", kept(tmp_path)
    assert main(["train", str(campaign), str(survey), f"out={out}"]) == 0
    provenance = json.loads(out.read_text())["provenance"]
    assert provenance["hosts"] == ["x", "A processor"]
    assert main(["train", str(campaign), f"out={out}", f"judge={survey}"]) == 0
    provenance = json.loads(out.read_text())["provenance"]
    assert provenance["hosts"] == ["x"]
    assert [one["host"] for one in provenance["judged"]] == ["x", "A processor"]
    assert main(["train", str(campaign), f"out={out}", "judge=nothing.csv"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [("{", "m.json is no JSON"), ("[]", "m.json: is no trained tournament")],
)
def test_a_file_that_holds_no_network_is_refused(
    text: str,
    told: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m.json").write_text(text)
    words = ["run", *TOY, "strategy=tournament", "strategy.tournament.model=m.json"]
    assert main(words) == 2
    message = capsys.readouterr().err
    assert told in message and len(message.splitlines()) == 1


def test_a_campaign_with_nothing_measured_teaches_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = surveyed(tmp_path / "one", {16: "a"})
    for file in (folder.path / "candidates").glob("*/*"):
        file.unlink()
    assert main(["train", str(folder.path), f"out={tmp_path / 'm.json'}"]) == 2
    assert "nothing to learn from" in capsys.readouterr().err
