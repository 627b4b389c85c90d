"""Prints the speed of exported kernels in a C program beside the campaign's (see README.md here).

    python experiments/exported/speed.py FOLDER ROUNDS OVERRIDES...

Each round runs the campaign anew and then the self-test of the first round's export, on the core
that measured. Campaigns and library lie in FOLDER afterwards.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path
from statistics import geometric_mean

from rich.console import Console
from rich.table import Table

from harness.record.journal import CampaignFolder
from harness.record.result import TrialResult

CALLS = 300
TOLD = re.compile(r"^ +(\w+): ([0-9.]+) us$", re.MULTILINE)


def polydl(*words: str) -> None:
    subprocess.run([Path(sys.executable).with_name("polydl"), *words], check=True)


def campaign(folder: Path, overrides: list[str]) -> dict[str, TrialResult]:
    """Its trials by problem; one strategy's, all of them ok."""
    polydl("run", *overrides, "baseline=[]", "tracking=journal", f"campaign.dir={folder}")
    return {str(result.problem["name"]): result for result in CampaignFolder(folder).results()}


def program(library: Path, core: int) -> dict[str, float]:
    """Seconds of the fastest call of each kernel."""
    command = ["taskset", "-c", str(core), str(library / "selftest"), str(CALLS)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return {name: 1e-6 * float(number) for name, number in TOLD.findall(said)}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("rounds", type=int)
    parser.add_argument("overrides", nargs="*")
    asked = parser.parse_args()
    library = asked.folder / "kernels"
    there: dict[str, float] = {}
    here: dict[str, float] = {}
    for number in range(asked.rounds):
        results = campaign(asked.folder / str(number), asked.overrides)
        if number == 0:
            polydl("export", str(asked.folder / "0"), str(library))
            subprocess.run(["make", "--quiet", "-C", str(library), "selftest"], check=True)
            schedules = {name: result.schedule for name, result in results.items()}
        assert schedules == {name: result.schedule for name, result in results.items()}
        (core,) = {core for result in results.values() for core in result.cores}
        timed = program(library, core)
        for name, result in results.items():
            assert result.seconds is not None, f"{name}: {result.reason}"
            there[name] = min(there.get(name, float("inf")), result.seconds.min)
            here[name] = min(here.get(name, float("inf")), timed[name])
    table = Table("kernel", "campaign, microseconds", "C program", "campaign / program")
    for name in sorted(there):
        ratio = there[name] / here[name]
        table.add_row(name, f"{1e6 * there[name]:.1f}", f"{1e6 * here[name]:.1f}", f"{ratio:.3f}")
    ratios = [there[name] / here[name] for name in there]
    Console().print(table)
    Console().print(
        f"geometric mean {geometric_mean(ratios):.3f}, from {min(ratios):.3f} to {max(ratios):.3f}"
    )


if __name__ == "__main__":
    main()
