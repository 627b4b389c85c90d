"""What a campaign's other parts cost by its size: planning, recording, reading, means, the table.

python -m experiments.fleet.growth [--sizes 1000 2000 4000] [--out FILE]

Each figure is of a process of its own: seconds of processor time, and MiB that it held at most. The
exponents are those of the last doubling.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from math import log2
from pathlib import Path

from experiments.fleet.found import write_found
from harness.analysis.means import campaign_means
from harness.analysis.rank_quality import campaign_quality
from harness.plan import planned
from harness.record.journal import CampaignFolder
from harness.record.result_line import result_of
from harness.record.writer import CampaignWriter
from harness.report.tables import render_campaign
from harness.settings import load_settings
from harness.tracking.sink import sync
from harness.trial import UnitOutcome

RECORDED = Path(__file__).with_name("recorded.jsonl")
MIB = 2**20
CANDIDATES = 30  # that each strategy measured
CLEAR_PEAK, STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


def units_of(problems: int) -> Iterator[UnitOutcome]:
    """Recorded trials under new names, each beside a baseline of the same samples."""
    recorded = [json.loads(line) for line in RECORDED.read_text().splitlines()]
    for number in range(problems):
        held = recorded[number % len(recorded)]
        results = []
        for contender, kind in (("roofline", "strategy"), ("onednn", "baseline")):
            trial = f"{number:012x}{contender}"
            told = held["result"] | {"trial": trial, "contender": contender, "kind": kind}
            told["problem"] = told["problem"] | {"name": f"problem_{number}"}
            if kind == "baseline":
                told["speedup"] = {}
            results.append(result_of(json.dumps(told)))
        samples = {result.trial: tuple(held["samples"]) for result in results}
        searched = {results[0].trial: tuple(candidates_of(number))}
        yield UnitOutcome(tuple(results), samples=samples, candidates=searched)


def candidates_of(number: int) -> Iterator[Mapping[str, object]]:
    for rank in range(1, CANDIDATES + 1):
        seconds = 1e-3 * (1 + (7 * rank + number) % 11 / 50)
        yield {"rank": rank, "schedule": f"order:m+n+k@{rank}", "measured": seconds}


def plan(folder: CampaignFolder, problems: int) -> object:
    sizes = f"primitive.sizes.n=range(1,{problems // 2 + 1})"
    words = ["-m", "primitive=matmul", sizes, "primitive.sizes.m=1,2"]
    settings = load_settings(words)
    return settings, planned(settings, "toy", 2**50, lambda source: source)


def record(folder: CampaignFolder, problems: int) -> object:
    """Samples, candidates and lines of every unit, each written when it ends."""
    with CampaignWriter(folder.path / "again") as writer:
        for unit in units_of(problems):
            writer.record([unit])
    return writer


def heal(folder: CampaignFolder, problems: int) -> object:
    """A last line that was cut."""
    with folder.results_file.open("a") as file:
        file.write('{"schema": 1, "cam')
    with CampaignWriter(folder.path, resume=True) as writer:
        return writer


def read(folder: CampaignFolder, problems: int) -> object:
    return folder.results()


def means(folder: CampaignFolder, problems: int) -> object:
    return campaign_means(folder, folder.results())


def quality(folder: CampaignFolder, problems: int) -> object:
    return campaign_quality(folder, folder.results())


def table(folder: CampaignFolder, problems: int) -> object:
    return render_campaign(folder.results())


def mlflow(folder: CampaignFolder, problems: int) -> object:
    return sync(folder, f"sqlite:///{folder.path}/mlflow.db", "growth")


PARTS: dict[str, Callable[[CampaignFolder, int], object]] = {
    "plan": plan,
    "record every unit": record,
    "heal the journal": heal,
    "read the journal": read,
    "geometric means, reading included": means,
    "ranking quality, reading included": quality,
    "the table, reading included": table,
    "MLflow (sqlite), reading included": mlflow,
}


def one(part: str, folder: Path, problems: int) -> None:
    CLEAR_PEAK.write_text("5")  # proc(5): the most that it held begins anew
    before, begin = _most(), time.process_time()
    held = PARTS[part](CampaignFolder(folder), problems)
    spent = time.process_time() - begin
    print(json.dumps([spent, (_most() - before) / MIB]))
    del held


def _most() -> int:
    """Bytes that the process held at most."""
    lines = STATUS.read_text().splitlines()
    return 1024 * int(next(line.split()[1] for line in lines if line.startswith("VmHWM:")))


@cache
def measured(part: str, folder: str, size: int) -> tuple[float, float]:
    command = [sys.executable, "-m", "experiments.fleet.growth", "--one", part, folder, str(size)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    spent, held = json.loads(run.stdout.splitlines()[-1])
    return spent, max(held, 0.1)


def row(part: str, folders: Mapping[int, str]) -> list[str]:
    """Problems, seconds, MiB and both exponents."""
    sizes = sorted(folders)
    spent, held = measured(part, folders[sizes[-1]], sizes[-1])
    cells = [f"{sizes[-1]:,}", f"{spent:.2f}", f"{held:.0f}"]
    if len(sizes) > 1:
        sooner = measured(part, folders[sizes[-2]], sizes[-2])
        doublings = log2(sizes[-1] / sizes[-2])
        grown = zip((spent, held), sooner, strict=True)
        cells += [f"{log2(later / before) / doublings:.1f}" for later, before in grown]
    return cells


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 2000, 4000])
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        part, folder, problems = chosen.one
        one(part, Path(folder), int(problems))
        return
    rows: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory() as name:
        folders = {size: f"{name}/{size}" for size in chosen.sizes}
        for size, folder in folders.items():
            with CampaignWriter(Path(folder)) as writer:
                writer.record(list(units_of(size)))
        for part in PARTS:
            rows[part] = row(part, folders)
            print(f"{part}: {', '.join(rows[part])}", flush=True)
    most = max(folders)
    kilobytes = {
        "unit planned": 1024 * measured("plan", folders[most], most)[1] / most,
        "trial read": 1024 * measured("read the journal", folders[most], most)[1] / (2 * most),
    }
    write_found(chosen.out, {"rows": rows, "kilobytes": kilobytes})


if __name__ == "__main__":
    main()
