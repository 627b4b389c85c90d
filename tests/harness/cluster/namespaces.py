"""Real `ray start` nodes in network namespaces of their own, joined by a bridge in a third.

Nothing of it is seen from outside: the namespaces go when the processes that hold them end.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from harness.cluster.ray_start import ENVIRONMENT
from tests.harness.cluster.ray_cluster import QUICK
from tests.processes import end, family

PORT = 6379
LOG = "start.log"
TOKEN = "0" * 64
START_SECONDS = 180.0
STORE_BYTES = 80 * 2**20
ENV = {
    **os.environ,
    **ENVIRONMENT,
    **QUICK,
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": TOKEN,
    "RAY_ENABLE_RECORD_ACTOR_TASK_LOGGING": "0",
}


def unshared(*kinds: str) -> subprocess.Popen[bytes]:
    """A process that holds new namespaces (net, mount). Skips, saying why, where none are had."""
    flags = [f"--{kind}" for kind in kinds]
    tried = subprocess.run(["unshare", *flags, "true"], capture_output=True, text=True)
    if tried.returncode != 0:
        pytest.skip(f"namespaces ({', '.join(kinds)}) cannot be made here: {tried.stderr.strip()}")
    holder = subprocess.Popen(["unshare", *flags, "sleep", "infinity"])
    name = {"mount": "mnt"}.get(kinds[0], kinds[0])
    own = os.readlink(f"/proc/self/ns/{name}")
    while os.readlink(f"/proc/{holder.pid}/ns/{name}") == own:
        time.sleep(0.01)
    return holder


def inside(holder: subprocess.Popen[bytes], *command: str) -> list[str]:
    """The command as it runs in a holder's namespaces."""
    return ["nsenter", "--target", str(holder.pid), "--net", "--mount", *command]


def _address(number: int) -> str:
    return f"10.213.0.{number + 1}"


class LinkedNodes:
    """`head` and some far ones; the link of each far one can be cut and mended."""

    def __init__(self, far: int) -> None:
        self._holders = [unshared("net") for _ in range(far + 2)]
        self._hub, self.head, *self._far = self._holders
        self._folders: list[Path] = []
        self._cut: set[int] = set()
        self._started: dict[str, subprocess.Popen[bytes]] = {}
        try:
            self._ip(self._hub, "link add bridge type bridge")
            self._ip(self._hub, "link set bridge up")
            for number, node in enumerate((self.head, *self._far)):
                peer = f"peer name eth0 netns {node.pid}"
                self._ip(self._hub, f"link add port{number} type veth {peer}")
                self._ip(self._hub, f"link set port{number} master bridge up")
                self._ip(node, "link set lo up")
                self._ip(node, f"addr add {_address(number)}/24 dev eth0")
                self._ip(node, "link set eth0 up")
            head = ("--head", f"--port={PORT}", "--include-dashboard=false")
            self._start("head", self.head, 0, *head)
            self._await("head")
            self._join(range(1, far + 1))
        except BaseException:
            self.close()
            raise

    @property
    def address(self) -> str:
        return f"{_address(0)}:{PORT}"

    def cut(self, number: int) -> None:
        """The link of a far node; they count from 1."""
        self._ip(self._hub, f"link set port{number} down")
        self._cut.add(number)

    def mend(self) -> None:
        """Far nodes that were cut off were declared dead meanwhile: they are started anew."""
        for number in self._cut:
            self._ip(self._hub, f"link set port{number} up")
            self._end(f"far{number}")
        self._join(self._cut)
        self._cut.clear()

    def _join(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            self._start(f"far{number}", self._far[number - 1], number, f"--address={self.address}")
        for number in numbers:
            self._await(f"far{number}")

    def close(self) -> None:
        for name in list(self._started):
            self._end(name)
        for holder in self._holders:
            holder.kill()
            holder.wait()
        for folder in self._folders:
            shutil.rmtree(folder, ignore_errors=True)

    @staticmethod
    def _ip(where: subprocess.Popen[bytes], words: str) -> None:
        subprocess.run(inside(where, "ip", *words.split()), check=True, capture_output=True)

    def _start(self, name: str, where: subprocess.Popen[bytes], number: int, *how: str) -> None:
        folder = Path(tempfile.mkdtemp(prefix=f"polydl-{name}-"))
        self._folders.append(folder)
        ray = str(Path(sys.executable).with_name("ray"))
        command = [ray, "start", *how, f"--node-ip-address={_address(number)}", "--block"]
        command += [f"--node-name={name}", "--num-cpus=1", f"--temp-dir={folder}"]
        command += [f"--object-store-memory={STORE_BYTES}"]
        log = (folder / LOG).open("w+b")
        with log:
            started = subprocess.Popen(
                inside(where, *command), env=ENV, stdout=log, stderr=log, start_new_session=True
            )
        self._started[name] = started

    def _await(self, name: str) -> None:
        """Until its newest Ray runs."""
        (*_, log) = (f / LOG for f in self._folders if f.name.startswith(f"polydl-{name}-"))
        deadline = time.monotonic() + START_SECONDS
        while b"Ray runtime started" not in (text := log.read_bytes()):
            assert self._started[name].poll() is None, text.decode()
            assert time.monotonic() < deadline, text.decode()
            time.sleep(0.1)

    def _end(self, name: str) -> None:
        started = self._started.pop(name)
        end(family(started.pid))
        started.wait()
