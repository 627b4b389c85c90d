"""The real server: it listens on loopback, and ends with whatever ends the command."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from harness.cli import dashboard, main
from harness.errors import SettingsError

ENDINGS = (signal.SIGTERM, signal.SIGHUP, signal.SIGKILL)
SECONDS = 120.0
MAIN = "import sys; from harness.cli import main; sys.exit(main())"


class Started:
    """`polydl dashboard` on a store of its own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        (folder / "mlflow.db").touch()
        with socket.socket() as probe:
            probe.bind((dashboard.HOST, 0))
            self.port = probe.getsockname()[1]
        words = [f"tracking.uri=sqlite:///{folder / 'mlflow.db'}", f"port={self.port}"]
        self.process = subprocess.Popen(
            [sys.executable, "-c", MAIN, "dashboard", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=folder,
            start_new_session=True,
        )
        self.below: list[psutil.Process] = []

    def wait(self) -> None:
        """Until it says that it can be opened."""
        assert self.process.stdout is not None
        ready = f"open http://127.0.0.1:{self.port}  (Ctrl-C ends it)\n"
        assert ready in iter(self.process.stdout.readline, "")  # the server has its own to say
        self.below = psutil.Process(self.process.pid).children(recursive=True)

    def listening(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((dashboard.HOST, self.port)) == 0

    def kill(self) -> None:
        for process in (psutil.Process(self.process.pid), *self.below):
            if process.is_running():
                process.kill()
        self.process.wait()


@pytest.fixture
def several(tmp_path: Path) -> Iterator[list[Started]]:
    made = [Started(tmp_path / number.name) for number in ENDINGS]
    yield made
    for one in made:
        if one.process.returncode is None:
            one.kill()
        assert one.process.stdout is not None
        one.process.stdout.close()


def test_its_server_ends_with_it(several: list[Started]) -> None:
    for one in several:
        one.wait()
    heard = {
        connection.laddr.ip
        for one in several
        for process in one.below
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert heard == {dashboard.HOST}
    for number, one in zip(ENDINGS, several, strict=True):
        assert one.listening()
        os.kill(one.process.pid, number)
    statuses = [one.process.wait(SECONDS) for one in several]
    assert statuses == [128 + signal.SIGTERM, 128 + signal.SIGHUP, -signal.SIGKILL]
    deadline = time.monotonic() + SECONDS
    while any(one.listening() for one in several) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(one.listening() for one in several)
    _, alive = psutil.wait_procs([p for one in several for p in one.below], timeout=SECONDS)
    assert not alive


def test_a_store_that_is_not_there_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["dashboard"]) == 2
    assert "no store at" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_port_on_loopback() -> None:
    assert dashboard.HOST == "127.0.0.1"
    with socket.socket() as held:
        held.bind((dashboard.HOST, 0))
        held.listen()
        taken = held.getsockname()[1]
        with pytest.raises(SettingsError, match=f"port {taken} on 127.0.0.1 is in use"):
            dashboard.free_port(taken)
        assert dashboard.free_port(None) not in (0, taken)
    assert dashboard.free_port(taken) == taken
