"""Programs that some tests need and a machine may lack: what finds them, and what brings them.

A test says `@pytest.mark.needs("chromium")`. Where the program is missing the test is left out, and
the end of the run tells which were, and the command that brings the program (tests/conftest.py).
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

PACKAGES = {  # Debian's
    "aarch64-linux-gnu-gcc": "gcc-aarch64-linux-gnu libc6-dev-arm64-cross",
    "chromium": "chromium",
    "clang": "clang",
    "cmake": "cmake",
    "initdb": "postgresql",
    "ip": "iproute2",
    "qemu-aarch64": "qemu-user",
    "slurmctld": "slurm-wlm munge",
    "zsh": "zsh",
}
_DEBIAN = "usr/lib/postgresql/*/bin"  # where it keeps PostgreSQL's, off the PATH


def found(program: str) -> str | None:
    """Its path, None where it is missing. KeyError for one that nothing here brings."""
    assert PACKAGES[program]
    beside = sorted(Path("/").glob(f"{_DEBIAN}/{program}"))
    return shutil.which(program) or next(map(str, reversed(beside)), None)


def missing(program: str) -> str | None:
    """Why a test that needs it is left out, None where it is there."""
    if found(program) is not None:
        return None
    return f"needs {program}, which is not installed: apt-get install {PACKAGES[program]}"


def python_of(minor: int) -> str | None:
    """An interpreter of this minor version: of PATH, or pyenv's; None where there is none."""
    named = f"python3.{minor}"
    kept = sorted(Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/{named}"), reverse=True)
    return next(filter(_starts, [shutil.which(named), *map(str, kept)]), None)


def _starts(python: str | None) -> bool:
    """A shim of pyenv's may stand for nothing."""
    if python is None:
        return False
    return subprocess.run([python, "-V"], capture_output=True, timeout=20).returncode == 0


def told(left_out: Mapping[str, Sequence[str]]) -> list[str]:
    """The lines at the end of a run, of the tests that were left out by reason."""
    lines = []
    for reason, tests in sorted(left_out.items()):
        lines.append(f"{len(tests)} left out: {reason}")
        lines += [f"    {test}" for test in sorted(tests)]
    return lines
