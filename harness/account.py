"""The user that this process runs as: a name and a home, where there are any.

A container may run as a number that no list of users knows, and without HOME.
"""

from __future__ import annotations

import os
import pwd
import tempfile
from pathlib import Path

from compiler.errors import shown
from harness.errors import EnvironmentProblem


def user_name(uid: int | None = None) -> str:
    """Of this process's user, or of another; the number where it has no name."""
    number = os.geteuid() if uid is None else uid
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def home_folder() -> Path | None:
    """$HOME, else what the list of users says; None for a user without either."""
    try:
        home = os.environ.get("HOME") or pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError:
        return None
    return Path(home) if home.startswith("/") else None


def temporary_folder() -> Path:
    """This user's own among all temporary files, by a short name: sockets lie in it."""
    return Path(tempfile.gettempdir(), f"polydl-{os.geteuid()}")


def expanded(folder: Path) -> Path:
    """The folder, `~` replaced by the home of this user here. Raises EnvironmentProblem."""
    if folder.parts[:1] != ("~",):
        return folder
    home = home_folder()
    if home is None:
        raise EnvironmentProblem(
            f"{shown(folder, 120)}: user {user_name()} has no home; set XDG_CACHE_HOME"
        )
    return home.joinpath(*folder.parts[1:])
