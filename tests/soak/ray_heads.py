"""The head of a Ray cluster as a process of its own, on loopback, with a dashboard."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from harness.cluster.ray_start import ENVIRONMENT
from tests.processes import end, family

HOST = "127.0.0.1"
SOON = 120.0  # seconds until it answers, on a busy machine


class RayHead:
    """`open` waits for the dashboard; `close` leaves no process and no file."""

    def __init__(self, python: Path = Path(sys.executable)) -> None:
        self.port, self.dashboard = _free_port(), _free_port()
        self._python = python
        self._folder = tempfile.mkdtemp(prefix="polydl-ray-")
        self.environment = {
            **os.environ,
            **ENVIRONMENT,
            "PATH": f"{python.parent}:{os.environ['PATH']}",
            "RAY_AUTH_MODE": "token",
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # else it takes the host's own address
            "RAY_AUTH_TOKEN": secrets.token_hex(32),
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    def open(self) -> None:
        command = [
            *(str(self._python.parent / "ray"), "start", "--head", "--block", "--num-cpus=1"),
            *(f"--node-ip-address={HOST}", f"--port={self.port}", f"--temp-dir={self._folder}"),
            *(f"--dashboard-host={HOST}", f"--dashboard-port={self.dashboard}"),
        ]
        with Path(self._folder, "start.log").open("wb") as log:
            self._process = subprocess.Popen(
                command, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )
        end = time.monotonic() + SOON
        while not self._answers():
            assert time.monotonic() < end, Path(self._folder, "start.log").read_text()
            time.sleep(0.5)

    def _answers(self) -> bool:
        try:
            with urlopen(f"http://{HOST}:{self.dashboard}/api/version", timeout=2):
                return True
        except HTTPError:  # it wants the token
            return True
        except (URLError, OSError):
            return False

    def close(self) -> None:
        if self._process is not None:
            end(family(self._process.pid))
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


def _free_port() -> int:
    """Beyond those that Ray gives to its workers."""
    while True:
        with socket.create_server((HOST, 0)) as held:
            port: int = held.getsockname()[1]
        if port > 20000:
            return port
