"""Real servers for the tests, which kill them and bring them back: MLflow, PostgreSQL under it."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.programs import found, missing

SECONDS = 180.0
NOBODY = "nobody"  # PostgreSQL does not run as root


class MlflowServer:
    """One with a store of its own in a folder, or another; its address is known at once.

    `start` may be called again after `kill`, at the same address.
    """

    def __init__(self, folder: Path, store: str | None = None) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self._port}"
        self._folder = folder
        self._store = store or f"sqlite:///{folder / 'mlflow.db'}"
        self.start()

    def start(self) -> None:
        words = ["--host", "127.0.0.1", "--port", str(self._port), "--workers", "1"]
        words += ["--backend-store-uri", self._store]
        words += ["--artifacts-destination", str(self._folder / "artifacts")]
        with (self._folder / "server.txt").open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "mlflow", "server", *words],
                env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
                stdout=log,
                stderr=log,
                cwd=self._folder,
                start_new_session=True,
            )

    def wait(self) -> str:
        """The address, once it answers."""
        deadline = time.monotonic() + SECONDS
        while not self._answers():
            assert time.monotonic() < deadline, self.told
            time.sleep(0.2)
        return self.address

    def kill(self) -> None:
        """With its workers, at once."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    @property
    def told(self) -> str:
        return (self._folder / "server.txt").read_text()

    def _answers(self) -> bool:
        assert self._process.poll() is None, self.told
        try:
            with urllib.request.urlopen(f"{self.address}/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


class Postgres:
    """Debian's, on a socket in a folder of its own, with a short path: the kernel allows 107
    bytes. Whoever starts it is its user; root lets `nobody` be."""

    def __init__(self) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="polydl-pg-"))
        if os.geteuid() == 0:
            nobody = pwd.getpwnam(NOBODY)
            os.chown(self._home, nobody.pw_uid, nobody.pw_gid)
        words = ["--username=mlflow", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C"]
        self._wait(self._begun("initdb", "--pgdata", str(self._data), *words))
        self.uri = f"postgresql+psycopg2://mlflow@/postgres?host={self._home}"
        self.start()

    @property
    def _data(self) -> Path:
        return self._home / "data"

    def start(self) -> None:
        """Until it takes connections."""
        sockets = ["-k", str(self._home), "-c", "listen_addresses="]
        self._process = self._begun("postgres", "-D", str(self._data), *sockets)
        ready = self._data / "postmaster.pid"
        deadline = time.monotonic() + SECONDS
        while not (ready.exists() and "ready" in ready.read_text().splitlines()[-1]):
            assert self._process.poll() is None and time.monotonic() < deadline, self.told
            time.sleep(0.05)

    def crash(self) -> None:
        """Its immediate shutdown: what was not committed is lost, and recovered from its log."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(SECONDS)

    def end(self) -> None:
        if self._process.poll() is None:
            self.crash()
        shutil.rmtree(self._home)

    @property
    def told(self) -> str:
        return (self._home / "log.txt").read_text()

    def _owner(self) -> dict[str, Any]:
        """Of its processes, as Popen takes it."""
        if os.geteuid() != 0:
            return {}
        nobody = pwd.getpwnam(NOBODY)
        return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}

    def _begun(self, program: str, *words: str) -> subprocess.Popen[bytes]:
        initdb = found("initdb")
        assert initdb is not None, missing("initdb")
        path = Path(initdb).resolve().with_name(program)
        with (self._home / "log.txt").open("a") as log:
            return subprocess.Popen(
                [str(path), *words], stdout=log, stderr=log, cwd=self._home, **self._owner()
            )

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        assert process.wait(SECONDS) == 0, self.told
