"""Folders for what is needed for a while, and that no way to die leaves behind for good.

The process that has one holds the kernel's lock on it. Where it is killed, whoever starts next
finds the lock free and removes the folder: only one of this name, host and user, and no link.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = "polydl-scratch"


@contextmanager
def scratch_folder(root: Path) -> Iterator[Path]:
    """A new private folder below `root`, made where it is missing; removed when it is left."""
    folder, lock = _made(root)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def clear_scratch(root: Path) -> None:
    """Remove what processes that are no more have left below `root`."""
    for folder in root.glob(f"{PREFIX}.{socket.gethostname()}.*"):
        with suppress(OSError):  # no folder, a link, or gone
            lock = _opened(folder)
            try:
                if os.fstat(lock).st_uid == os.getuid():
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)


def _made(root: Path) -> tuple[Path, int]:
    """A folder and its lock; made again where somebody cleared it before it was locked."""
    root.mkdir(mode=0o700, exist_ok=True)
    while True:
        folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}.{socket.gethostname()}.", dir=root))
        with suppress(FileNotFoundError):
            lock = _opened(folder)
            with suppress(OSError):  # a file system without locks: nobody will clear it
                fcntl.flock(lock, fcntl.LOCK_EX)
            if os.fstat(lock).st_nlink > 0 and folder.exists():
                return folder, lock
            os.close(lock)


def _opened(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
