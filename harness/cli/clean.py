"""polydl clean: what is cached, with its size; --yes removes it.

Tuning logs took hours of somebody's machine: they go only when they are named.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from harness.cli.asked import PARTS, Clean
from harness.errors import EnvironmentProblem
from harness.kernel.toolchain import REMEDY, SCRATCH
from harness.own_files import private_folder
from harness.report.terminal import terminal
from harness.scratch import clear_scratch
from harness.settings import cache_folder

MIB = 2**20
USUAL = ("builds", "tools")


def main(asked: Clean) -> int:
    chosen = [part for part in PARTS if part in asked.parts] or list(USUAL)
    console = terminal()
    folder = private_folder(cache_folder(), REMEDY)
    seen = False
    if asked.yes and "builds" in chosen:
        clear_scratch(folder / SCRATCH)
    for part, what in PARTS.items():
        places = places_of(folder, part)
        files, size = held_by(places)
        if not files:
            continue
        seen = True
        told = f"{part}: {files} files, {size / MIB:.1f} MiB of {what}"
        if asked.yes and part in chosen:
            for place in places:
                _remove(place)
            told = f"removed {told}"
        console.print(told, soft_wrap=True)
    if not seen:
        told = f"nothing to clean: {folder} is empty"
    elif asked.yes:
        return 0
    else:
        command = " ".join(["polydl clean --yes", *(p for p in PARTS if p in asked.parts)])
        told = f"nothing was removed from {folder}; `{command}` removes {' and '.join(chosen)}"
    console.print(told, soft_wrap=True)
    return 0


def places_of(folder: Path, part: str) -> list[Path]:
    """Where a part of the cache lies: `tools` and `tuning` are folders, all else are builds.

    Scratch is none: what runs now has its tensors there, and clears what others left.
    """
    if part != "builds":
        return [folder / part]
    own = [SCRATCH, *(name for name in PARTS if name != "builds")]
    return [p for p in folder.iterdir() if p.name not in own] if folder.is_dir() else []


def held_by(places: Sequence[Path]) -> tuple[int, int]:
    """Files at or below some places, and their bytes."""
    files = [f for place in places for f in (place, *place.rglob("*")) if f.is_file()]
    return len(files), sum(f.stat().st_size for f in files)


def _remove(place: Path) -> None:
    try:
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)
    except OSError as error:
        raise EnvironmentProblem(f"cannot remove {place}: {error.strerror}") from error
