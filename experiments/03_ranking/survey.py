"""A measured survey as two files that the repository keeps, to be replayed anywhere.

    python experiments/03_ranking/survey.py CAMPAIGN FILE.csv

Writes FILE.csv (problem, schedule, microseconds; the baseline's beside them where one was measured)
and FILE.yaml, the machine as it was measured then and the workloads of the problems.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from harness.errors import HarnessError
from harness.learn.survey_files import SUFFIX
from harness.record.journal import CampaignFolder, find_campaign
from harness.record.result import TrialResult

BASELINE = "onednn"


def rows(folder: CampaignFolder) -> list[dict[str, object]]:
    """One row for each measured schedule, in the order of the campaign's problems."""
    found: list[dict[str, object]] = []
    results = folder.results()
    beside = {
        str(r.problem["name"]): r.seconds.median
        for r in results
        if r.contender == BASELINE and r.seconds is not None
    }
    for result in results:
        problem = str(result.problem["name"])
        for candidate in folder.candidates(result.trial):
            measured = candidate.get("measured")
            if measured is not None:
                row: dict[str, object] = {"problem": problem, "schedule": candidate["schedule"]}
                row["microseconds"] = f"{measured * 1e6:.2f}"
                taken = beside.get(problem)
                row[f"{BASELINE}_microseconds"] = f"{taken * 1e6:.2f}" if taken else ""
                found.append(row)
    return found


def machine(result: TrialResult, name: str) -> dict[str, Any]:
    """What the campaign's rankings counted with, as conf/architecture describes a machine."""
    held: Any = result.host["architecture"]
    described = {key: value for key, value in held.items() if value is not None}
    described |= {"name": name, "model": str(result.host["cpu"])}
    described["caches"] = {
        level.pop("name"): {key: value for key, value in level.items() if value is not None}
        for level in map(dict, held["caches"])
    }
    return described


def workloads(results: Sequence[TrialResult]) -> list[str]:
    """Where the sizes of the problems stand, in order of first appearance."""
    names = dict.fromkeys(result.problem.get("workload") for result in results)
    return [str(name) for name in names if name is not None]


def main(words: list[str]) -> int:
    if len(words) != 2 or not words[1].endswith(SUFFIX):
        print(f"usage: survey.py CAMPAIGN FILE{SUFFIX}", file=sys.stderr)
        return 2
    file = Path(words[1])
    try:
        folder = find_campaign(words[0])
        found, results = rows(folder), folder.results()
    except HarnessError as error:
        print(error, file=sys.stderr)
        return 2
    with file.open("w", newline="") as out:
        writer = csv.DictWriter(out, fieldnames=list(found[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(found)
    described = {**machine(results[0], file.stem), "workloads": workloads(results)}
    text = yaml.safe_dump(described, sort_keys=False)
    file.with_suffix(".yaml").write_text(f"# As measured by {folder.name}.\n{text}")
    print(f"{len(found)} schedules in {file}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
