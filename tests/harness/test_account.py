from __future__ import annotations

import os
import pwd
import sys
from pathlib import Path

import pytest

from harness.account import expanded, home_folder, temporary_folder, user_name
from harness.errors import EnvironmentProblem
from tests.harness.accounts import STRANGER, as_stranger

ROOT = Path(__file__).resolve().parents[2]


def test_a_user_has_a_name_or_a_number() -> None:
    assert user_name() == pwd.getpwuid(os.geteuid()).pw_name
    assert user_name(STRANGER) == str(STRANGER)


@pytest.mark.parametrize(("home", "expected"), [("/a/b", "/a/b"), ("", None), ("here", None)])
def test_home_is_an_absolute_folder(
    home: str, expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", home)
    if home == "":
        expected = pwd.getpwuid(os.geteuid()).pw_dir
    assert home_folder() == (None if expected is None else Path(expected))


def test_only_a_leading_tilde_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/a/b")
    assert expanded(Path("~/c/~")) == Path("/a/b/c/~")
    assert expanded(Path("/c/~")) == Path("/c/~")


def test_who_has_no_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "nowhere")
    with pytest.raises(EnvironmentProblem, match="has no home; set XDG_CACHE_HOME"):
        expanded(Path("~/.cache"))


def test_the_temporary_folder_has_a_short_name() -> None:
    assert temporary_folder().name == f"polydl-{os.geteuid()}"


def test_a_user_without_name_and_home_has_a_private_cache(tmp_path: Path) -> None:
    """Among the temporary files; one line tells where. The host's ceilings are measured into it."""
    code = (
        "from harness.cli import main\n"
        "from harness.measure import looks\n"
        "looks.BANDWIDTH_SECONDS, looks.MOST_LOOKS = 0.1, looks.LOOKS\n"
        "main(['explain', 'primitive=matmul'])"
    )
    done = as_stranger(sys.executable, "-c", code, TMPDIR=str(tmp_path), PYTHONPATH=str(ROOT))
    assert done.stderr.strip() == (
        f"user {STRANGER} has no home: the cache is {tmp_path}/polydl-{STRANGER}/cache; "
        "XDG_CACHE_HOME names another folder"
    )
    assert "polydl_kernel" in done.stdout
    assert (tmp_path / f"polydl-{STRANGER}").stat().st_mode & 0o777 == 0o700
    assert list((tmp_path / f"polydl-{STRANGER}" / "cache").glob("ceilings-*.json"))


def test_a_user_without_name_and_home_has_mlflow(tmp_path: Path) -> None:
    code = "from harness.tracking.store import load_mlflow; print(load_mlflow().__version__)"
    done = as_stranger(sys.executable, "-c", code, TMPDIR=str(tmp_path), PYTHONPATH=str(ROOT))
    assert done.returncode == 0 and done.stdout, done.stderr
