"""Opening a lock file that lies where other users may write, without touching anything else."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from compiler.errors import shown
from harness.errors import EnvironmentProblem

_FLAGS = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY


def open_lock(path: Path, shared: bool = False) -> int:
    """A descriptor of the file, made by whoever comes first; all users may write a `shared` one.

    A link at its place may name a file of somebody's that a careless owner of the lock would empty.
    Raises EnvironmentProblem for what is no regular file with one name, and where it cannot be
    opened.
    """
    try:
        descriptor = _opened(path, shared)
    except OSError as error:
        reason = "it is a link; remove it" if path.is_symlink() else error.strerror
        raise EnvironmentProblem(
            f"the lock {shown(path, 120)} cannot be opened: {reason}"
        ) from error
    found = os.fstat(descriptor)
    if stat.S_ISREG(found.st_mode) and found.st_nlink == 1:
        return descriptor
    os.close(descriptor)
    what = "it has other names" if stat.S_ISREG(found.st_mode) else "it is no regular file"
    raise EnvironmentProblem(f"the lock {shown(path, 120)} cannot be used: {what}; remove it")


def _opened(path: Path, shared: bool) -> int:
    """O_CREAT alone is refused on others' files in folders such as /tmp, and follows links."""
    for _ in range(3):  # it may come and go in between
        with contextlib.suppress(FileNotFoundError):
            return os.open(path, _FLAGS)
        with contextlib.suppress(FileExistsError):
            descriptor = os.open(path, _FLAGS | os.O_CREAT | os.O_EXCL, 0o666)
            if shared:
                os.fchmod(descriptor, 0o666)  # whatever the mask
            return descriptor
    return os.open(path, _FLAGS)
