"""Programs that some tests need and a machine may lack: what finds them, and what brings them.

A test says `@pytest.mark.needs("chromium")`. Where the program is missing the test is left out, and
the end of the run tells which were, and the command that brings the program (tests/conftest.py).
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

PACKAGES = {  # Debian's
    "aarch64-linux-gnu-gcc": "gcc-aarch64-linux-gnu libc6-dev-arm64-cross",
    "chromium": "chromium",
    "clang": "clang",
    "initdb": "postgresql",
    "qemu-aarch64": "qemu-user",
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


def told(left_out: Mapping[str, Sequence[str]]) -> list[str]:
    """The lines at the end of a run, of the tests that were left out by reason."""
    lines = []
    for reason, tests in sorted(left_out.items()):
        lines.append(f"{len(tests)} left out: {reason}")
        lines += [f"    {test}" for test in sorted(tests)]
    return lines
