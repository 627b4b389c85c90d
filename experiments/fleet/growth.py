"""What a campaign's other parts cost by its size: planning, reading, means, the table.

python -m experiments.fleet.growth [--sizes 1000 2000 4000]

Each figure is of a process of its own: seconds of processor time, and MiB that it came to hold. The
exponent is that of the last doubling.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from math import log2
from pathlib import Path

import psutil

from harness.analysis.means import campaign_means
from harness.plan import planned
from harness.record.journal import CampaignFolder
from harness.report.tables import render_campaign
from harness.settings import load_settings

RECORDED = Path(__file__).with_name("recorded.jsonl")
MIB = 2**20


def journal_of(folder: CampaignFolder, problems: int) -> None:
    """Recorded trials under new names, each beside a baseline of the same samples."""
    recorded = [json.loads(line) for line in RECORDED.read_text().splitlines()]
    folder.path.mkdir(parents=True)
    with folder.results_file.open("w") as file:
        for number in range(problems):
            held = recorded[number % len(recorded)]
            for contender, kind in (("roofline", "strategy"), ("onednn", "baseline")):
                trial = f"{number:012x}{contender}"
                told = held["result"] | {"trial": trial, "contender": contender, "kind": kind}
                told["problem"] = told["problem"] | {"name": f"problem_{number}"}
                if kind == "baseline":
                    told["speedup"] = {}
                file.write(json.dumps(told) + "\n")
                samples = folder.samples_file(trial)
                samples.parent.mkdir(parents=True, exist_ok=True)
                samples.write_text(json.dumps(held["samples"]))


def plan(folder: CampaignFolder, problems: int) -> object:
    sizes = f"primitive.sizes.n=range(1,{problems // 2 + 1})"
    words = ["-m", "primitive=matmul", sizes, "primitive.sizes.m=1,2"]
    settings = load_settings(words)
    return settings, planned(settings, "toy", 2**50, lambda source: source)


def read(folder: CampaignFolder, problems: int) -> object:
    return folder.results()


def means(folder: CampaignFolder, problems: int) -> object:
    return campaign_means(folder, folder.results())


def table(folder: CampaignFolder, problems: int) -> object:
    return render_campaign(folder.results())


PARTS: dict[str, Callable[[CampaignFolder, int], object]] = {
    "plan": plan,
    "read": read,
    "means, reading included": means,
    "table, reading included": table,
}


def one(part: str, folder: Path, problems: int) -> None:
    process = psutil.Process()
    before, begin = process.memory_info().rss, time.process_time()
    held = PARTS[part](CampaignFolder(folder), problems)
    spent = time.process_time() - begin
    print(json.dumps([spent, (process.memory_info().rss - before) / MIB]))
    del held


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 2000, 4000])
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        part, folder, problems = chosen.one
        one(part, Path(folder), int(problems))
        return
    print("| part | problems | s | MiB | exponent of s | of MiB |\n|---|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as name:
        for size in chosen.sizes:
            journal_of(CampaignFolder(Path(name, str(size))), size)
        for part in PARTS:
            before: tuple[float, float] | None = None
            for size in chosen.sizes:
                command = [sys.executable, __file__, "--one", part, f"{name}/{size}", str(size)]
                run = subprocess.run(command, capture_output=True, text=True, check=True)
                spent, held = json.loads(run.stdout.splitlines()[-1])
                now = spent, max(held, 1.0)
                grown = ["", ""]
                if before is not None:
                    pairs = zip(now, before, strict=True)
                    grown = [f"{log2(later / sooner):.2f}" for later, sooner in pairs]
                print(f"| {part} | {size} | {spent:.2f} | {held:.0f} | {grown[0]} | {grown[1]} |")
                before = now


if __name__ == "__main__":
    main()
