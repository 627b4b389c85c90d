"""Files and folders that are this user's alone: nobody else can have written what is read here.

What is loaded from a cache runs as its reader, so a file of another user, or one that others may
write, is as good as none.
"""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path

from compiler.errors import shown
from harness.account import user_name
from harness.errors import EnvironmentProblem

OTHERS = stat.S_IRWXG | stat.S_IRWXO
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def private_folder(path: Path, remedy: str = "remove it") -> Path:
    """Make the folder, or close the one that is there to other users.

    Raises EnvironmentProblem, with the remedy, where it is no folder, another user's, read-only, or
    cannot be closed.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        reason = _closed(path)
    except FileExistsError:
        reason = "it is no folder"
    except (OSError, ValueError) as error:  # a NUL in a path is a ValueError
        reason = getattr(error, "strerror", None) or str(error)
    if reason is not None:
        raise EnvironmentProblem(
            f"the folder {shown(path, 120)} cannot be used: {reason}; {remedy}"
        )
    return path


def is_own(path: Path) -> bool:
    """Whether a file or folder is there, is no link, and only this user can have written it."""
    try:
        return _alone(path.lstat())
    except OSError:
        return False


def own_bytes(path: Path) -> bytes | None:
    """What a regular file of this user's holds; None where there is none, or it is another's."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
    try:
        descriptor = os.open(path, flags)
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            return file.read() if stat.S_ISREG(found.st_mode) and _alone(found) else None
    except OSError:
        return None


def put(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, also when the power goes; one that is there is replaced.

    A reader never sees half a file, and two writers of one do not disturb each other.
    """
    descriptor, partial = tempfile.mkstemp(prefix=".partial-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        os.replace(partial, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(partial)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)  # else the name may be lost, or come before what it names
    finally:
        os.close(folder)


def _closed(path: Path) -> str | None:
    """Take other users' rights to a folder away; why that, or using it, is not possible."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        found = os.fstat(descriptor)
        if found.st_uid != os.geteuid():
            return f"it belongs to user {user_name(found.st_uid)}, and this is {user_name()}"
        if found.st_mode & OTHERS:
            os.fchmod(descriptor, stat.S_IMODE(found.st_mode) & ~OTHERS)
        if os.fstat(descriptor).st_mode & OTHERS_WRITE:  # a file system without permissions
            return "other users may write to it"
    finally:
        os.close(descriptor)
    return None if os.access(path, os.W_OK | os.X_OK) else "it is read-only"


def _alone(found: os.stat_result) -> bool:
    link = stat.S_ISLNK(found.st_mode)
    return not link and found.st_uid == os.geteuid() and not found.st_mode & OTHERS_WRITE
