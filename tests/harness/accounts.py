"""Users without a name: a process in a user namespace, and files that are another user's."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

STRANGER = 54321  # a user that no list knows

# How a file comes to be one that others have a hand in. Only root can give a file away.
UNTRUSTED = ["writable by all", "writable by a group", *(["another's"] if not os.geteuid() else [])]


def untrusted(path: Path, how: str) -> None:
    """Let others have a hand in a file or folder."""
    if how == "another's":
        os.chown(path, STRANGER, STRANGER)
    else:
        path.chmod(path.stat().st_mode | (0o022 if how == "writable by all" else 0o020))


def as_stranger(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a user without a name and without HOME, who owns what this one owns."""
    kept = {name: value for name, value in os.environ.items() if name not in ("HOME", "USER")}
    return subprocess.run(
        ["unshare", "--user", f"--map-user={STRANGER}", *command],
        env={**{k: v for k, v in kept.items() if not k.startswith("XDG_")}, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
