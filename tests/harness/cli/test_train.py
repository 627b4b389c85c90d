from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.cli import main
from harness.plan import planned
from harness.settings import load_settings
from tests.harness.campaigns import PLENTY, TOY
from tests.harness.learn.campaigns import surveyed


def test_a_campaign_becomes_a_file_that_a_strategy_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    surveyed(tmp_path / "runs" / "one", {16: "a", 48: "b"})
    assert main(["train", "one", "out=m.json", "test=b"]) == 0
    printed = capsys.readouterr().out
    assert "unseen" in printed and "strategy.tournament.model=m.json" in printed
    provenance = json.loads(Path("m.json").read_text())["provenance"]
    assert provenance["campaigns"] == ["one"]
    assert {n: one["seen"] for n, one in provenance["networks"].items()} == {"a": True, "b": False}
    words = [*TOY, "strategy=tournament", "strategy.tournament.model=m.json", "baseline=[]"]
    (unit,) = planned(load_settings(words), "toy", PLENTY, str).units
    model = unit.strategies[0].options["model"]
    assert isinstance(model, dict) and model["provenance"] == provenance


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
