"""What nobody foresaw: one line, status 70, and the traceback in a private file."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from harness.cli import main, rooms
from harness.cli.unforeseen import LOG, kept_from_threads
from harness.errors import Unforeseen
from harness.record.campaign_log import logged

START = "import sys; from harness.cli import main; sys.exit(main())"


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))


def failing(monkeypatch: pytest.MonkeyPatch, fault: BaseException) -> None:
    def command(name: str) -> object:
        raise fault

    monkeypatch.setattr(rooms, "command", command)


def line(capsys: pytest.CaptureFixture[str]) -> str:
    (told,) = capsys.readouterr().err.splitlines()
    return told


def test_a_fault_is_one_line_and_a_traceback_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(monkeypatch, KeyError("a\nb" * 1000))
    assert main(["run"]) == 70
    log = tmp_path / "state" / "polydl" / LOG
    told = line(capsys)
    assert told.startswith("polydl run: this should not happen: KeyError: ")
    assert told.endswith(f"traceback in {log}")
    assert "Traceback" in log.read_text() and "in command" in log.read_text()
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert stat.S_IMODE(log.parent.stat().st_mode) == 0o700


def test_without_a_folder_of_its_own_it_is_a_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "state").write_text("in the way")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    failing(monkeypatch, ValueError(""))
    assert main(["run"]) == 70
    log = Path(line(capsys).rpartition("traceback in ")[2])
    assert log.parent == tmp_path and stat.S_IMODE(log.stat().st_mode) == 0o600
    assert "ValueError" in log.read_text()


def test_a_campaigns_log_holds_the_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Unforeseen) as caught, logged(tmp_path / "log.txt"):
        raise ZeroDivisionError("of a kind")
    assert "Traceback" in (tmp_path / "log.txt").read_text()
    failing(monkeypatch, caught.value)
    assert main(["run"]) == 70
    told = "polydl run: this should not happen: ZeroDivisionError: of a kind; traceback in "
    assert line(capsys) == f"{told}{tmp_path / 'log.txt'}"
    (tmp_path / "log.txt").unlink()  # with the folder of a campaign in which nothing was begun
    assert main(["run"]) == 70
    assert LOG in line(capsys)
    assert "ZeroDivisionError" in (tmp_path / "state" / "polydl" / LOG).read_text()


@pytest.mark.parametrize(
    ("fault", "status", "told"),
    [
        (PermissionError(13, "Permission denied", "runs/x"), 2, "runs/x: Permission denied"),
        (OSError(28, "No space left on device"), 2, "No space left on device"),
        (MemoryError(), 2, "not enough memory"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_what_the_system_refuses_is_no_fault(
    fault: BaseException,
    status: int,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    failing(monkeypatch, fault)
    assert main(["run"]) == status
    assert line(capsys) == f"polydl run: {told}"


def test_a_thread_ends_with_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with kept_from_threads():
        thread = threading.Thread(target=lambda: 1 / 0, name="t")
        thread.start()
        thread.join()
    assert line(capsys).startswith("polydl: thread t: this should not happen: ZeroDivisionError: ")
    assert "Traceback" in (tmp_path / "state" / "polydl" / LOG).read_text()


@pytest.mark.parametrize(
    ("redirected", "status"),
    [(">/dev/full", 2), (">&-", 0), (">&- 2>&-", 0), ("2>/dev/full", 0), ("| true", 0)],
)
def test_output_that_nobody_takes(redirected: str, status: int) -> None:
    command = f"{sys.executable} -c '{START}' --help {redirected}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=os.environ)
    assert done.returncode == status
    assert "Traceback" not in done.stderr and len(done.stderr.splitlines()) <= 1


def test_a_terminal_of_few_characters_is_enough() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-c", START, "gr\u00f6\u00dfe", b"\xff"],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 2 and "gr\\xf6\\xdfe: unknown command" in done.stderr
