"""polydl baseline: what is there, what is missing, and what cannot be installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.cli import main


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "polydl"


def test_the_list_names_versions_and_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["baseline", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for name in ("autotvm", "metaschedule"):
        reason = f"{name}: the environment of {name} is missing; "
        assert f"{reason}mend it with: polydl baseline install {name}" in lines
    (row,) = [line for line in lines if line.startswith("│ onednn ")]
    assert "missing" not in row


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["install", "tvm"], "'tvm' is unknown; environments: autotvm, "),
        (["install", "onednn"], "'onednn' has no environment of its own (version "),
        (["install"], "NAME is missing; environments: autotvm, "),
        (["remove", "autotvm"], "ACTION must be one of list, install, got remove"),
        (["list", "autotvm"], "list takes no NAME, got 'autotvm'"),
        ([], "ACTION is missing; usage: polydl baseline ACTION [NAME]"),
    ],
)
def test_mistakes_are_one_line(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["baseline", *words]) == 2
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1
