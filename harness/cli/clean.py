"""polydl clean: the build cache, with its size; --yes removes it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from harness.errors import EnvironmentProblem, SettingsError
from harness.settings import cache_folder

USAGE = "polydl clean [--yes]"
MIB = 2**20


def main(arguments: Sequence[str]) -> int:
    for word in arguments:
        if word not in ("--yes", "-y"):
            raise SettingsError(f"unknown argument '{word}'; usage: {USAGE}")
    console = Console()
    folder = cache_folder()
    files, size = held_by(folder)
    if not files:
        console.print(f"nothing to clean: {folder} is empty", highlight=False, soft_wrap=True)
        return 0
    what = (
        f"{folder}: {files} files, {size / MIB:.1f} MiB of compiled kernels and measured ceilings"
    )
    if not arguments:
        console.print(
            f"{what}\nnothing was removed; `polydl clean --yes` removes it",
            highlight=False,
            soft_wrap=True,
        )
        return 0
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise EnvironmentProblem(f"cannot remove {folder}: {error.strerror}") from error
    console.print(f"removed {what}", highlight=False, soft_wrap=True)
    return 0


def held_by(folder: Path) -> tuple[int, int]:
    """Files below a folder, and their bytes."""
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return len(sizes), sum(sizes)
