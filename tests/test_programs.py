from __future__ import annotations

import subprocess
import sys

import pytest

from tests import programs

LEFT_OUT = "tests/harness/cli/test_completion.py::test_zsh_gets_whole_words"


def test_what_is_missing_is_told_with_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(programs, "_DEBIAN", "nonexistent")
    reason = "needs initdb, which is not installed: apt-get install postgresql"
    assert programs.missing("initdb") == reason
    with pytest.raises(KeyError):
        programs.missing("nobody-brings-it")
    lines = programs.told({reason: ["b.py::two", "a.py::one"]})
    assert lines == [f"2 left out: {reason}", "    a.py::one", "    b.py::two"]


def test_a_run_without_them_runs_the_rest() -> None:
    words = ["-m", "pytest", "-p", "no:cacheprovider", "-n", "1", LEFT_OUT, f"{__file__}::{PLAIN}"]
    done = subprocess.run(
        [sys.executable, *words],
        capture_output=True,
        text=True,
        env={"PATH": "/nonexistent"},
        check=True,
    )
    assert "1 left out: needs zsh, which is not installed: apt-get install zsh" in done.stdout
    assert LEFT_OUT in done.stdout
    assert "1 passed, 1 skipped" in done.stdout


PLAIN = test_what_is_missing_is_told_with_what_brings_it.__name__
