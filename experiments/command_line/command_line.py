"""Prints how long help and completion take, whole processes (see README.md here)."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

PROGRAM = Path(sys.executable).with_name("polydl")
REPEATS = 10  # the fastest counts: the machine may be shared
LINES = (
    "--help",
    "run --help",
    "show --help",
    "shwo",
    "--complete run strategy=[roofline,",
    "--complete show ",
    "--complete run measure.ca",
)


def least(words: list[str]) -> float:
    """Seconds of the fastest of a few runs."""
    found = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        subprocess.run([PROGRAM, *words], capture_output=True)
        found.append(time.perf_counter() - start)
    return min(found)


def main() -> None:
    table = Table("polydl ...", "seconds")
    for line in LINES:
        table.add_row(line, f"{least(line.split(' ')):.2f}")
    Console(markup=False).print(table)


if __name__ == "__main__":
    main()
