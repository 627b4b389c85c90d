"""What processes have left in a scratch folder that other tests use at the same time."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path

SECONDS = 5.0


def check_nothing_left_behind(scratch: Path) -> None:
    """Every folder in it is held by a process that lives, but for an instant."""
    deadline = time.monotonic() + SECONDS
    while left := [folder for folder in scratch.iterdir() if not _held(folder)]:
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def _held(folder: Path) -> bool:
    """Whether somebody has its lock, or it has gone meanwhile."""
    with suppress(FileNotFoundError):
        opened = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(opened)
        return False
    return True
