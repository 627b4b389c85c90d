"""A tool's process on given cores: ended with all it has started, whatever it does.

A tuner starts workers, and these outlive it when it is killed, some in sessions of their own. So
the process leads a session and carries a mark in its environment, which its children inherit.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

LAST_WORDS = 1 << 14  # bytes of stderr that are looked at
MARK = "POLYDL_SUPERVISED"
ROUNDS = 50  # of killing what is left, 20 ms apart
# Before the tool itself: its cores, and an end with the thread that started it (PR_SET_PDEATHSIG).
_FIRST = (
    "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 9);"
    "os.sched_setaffinity(0, map(int, sys.argv[1].split(',')));"
    "os.execv(sys.argv[2], sys.argv[2:])"
)


@dataclass(frozen=True)
class Ended:
    """How a process ended: its status, or None where it was stopped at the limit."""

    status: int | None
    seconds: float
    said: str  # the last lines of stderr

    @property
    def last_line(self) -> str:
        lines = [line.strip() for line in self.said.splitlines() if line.strip()]
        return lines[-1][:300] if lines else "no message"


def run_supervised(
    command: Sequence[str],
    cores: Sequence[int],
    limit: float,
    environment: Mapping[str, str],
    interpreter: Path,
) -> Ended:
    """Run `interpreter command...` on these cores for at most `limit` seconds; nothing stays.

    The environment is only what is given, and PATH. Raises OSError where it cannot be started.
    """
    start = time.monotonic()
    token = uuid.uuid4().hex
    first = [str(interpreter), "-c", _FIRST, ",".join(map(str, cores)), str(interpreter)]
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [*first, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env={"PATH": os.environ.get("PATH", os.defpath), **environment, MARK: token},
            start_new_session=True,
            umask=0o077,  # what it leaves is run later: nobody else may write it
        )
        status: int | None = None
        try:
            with contextlib.suppress(subprocess.TimeoutExpired):
                status = process.wait(limit)
        finally:
            _end_all(token, process.pid)
            process.wait()
        size = errors.seek(0, os.SEEK_END)
        errors.seek(max(0, size - LAST_WORDS))
        said = errors.read().decode(errors="replace")
    return Ended(status, time.monotonic() - start, said)


def _end_all(token: str, leader: int) -> None:
    """Kill the session and whatever carries the mark, again until none is left."""
    for _ in range(ROUNDS):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, signal.SIGKILL)
        left = [process for process in psutil.process_iter() if _carries(process, token)]
        if not left:
            return
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        time.sleep(0.02)


def _carries(process: psutil.Process, token: str) -> bool:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return bool(process.environ().get(MARK) == token)
    except (psutil.Error, OSError):  # gone, or somebody else's
        return False
