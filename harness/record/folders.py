"""Folders that a process makes for itself, and takes away again where nothing came of them."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path


def made_folders(path: Path) -> tuple[Path, ...]:
    """Make a folder and what is missing above it; those that this call made, outermost first.

    Of two processes that make one folder at a time, one has made it. Raises OSError, after taking
    away what it made.
    """
    made: list[Path] = []
    try:
        for folder in (*reversed(path.parents), path):
            if folder.is_dir():
                continue
            try:
                folder.mkdir()
                made.append(folder)
            except FileExistsError:
                if not folder.is_dir():
                    reason = os.strerror(errno.ENOTDIR)
                    raise NotADirectoryError(errno.ENOTDIR, reason, str(folder)) from None
    except OSError:
        remove_empty(made)
        raise
    return tuple(made)


def remove_empty(made: Sequence[Path]) -> None:
    """Take away those of `made_folders` that are empty again."""
    for folder in reversed(made):
        with suppress(OSError):  # somebody put something there
            folder.rmdir()
