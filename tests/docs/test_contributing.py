"""CONTRIBUTING.md: what it tells to write and run, written and run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from harness.cli import main
from tests.harness.campaigns import BRIEF

PAGE = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text()


def test_an_operator_is_added_word_for_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, build_cache: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(build_cache))
    monkeypatch.chdir(tmp_path)
    section = PAGE.partition("### An operator")[2].partition("\n## ")[0]
    told = re.search(r"`(\S+\.yaml)`:\n```yaml\n(.*?)```", section, re.DOTALL)
    assert told is not None
    file = Path(told[1])
    file.parent.mkdir(parents=True)
    file.write_text(told[2])
    explain, run = re.findall(r"^polydl (.*)$", section, re.MULTILINE)
    assert main(shlex.split(explain)) == 0
    assert main([*shlex.split(run), *BRIEF]) == 0
