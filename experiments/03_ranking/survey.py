"""A measured survey as two files that the repository keeps, to be replayed anywhere.

    python experiments/03_ranking/survey.py CAMPAIGN NAME

Writes surveys/NAME.csv (problem, schedule, microseconds; the baseline's beside them where one was
measured) and surveys/NAME.yaml, the machine as it was measured then.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

import yaml

from harness.errors import HarnessError
from harness.record.journal import CampaignFolder, find_campaign
from harness.record.result import TrialResult

SURVEYS = Path(__file__).parent / "surveys"
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


def main(words: list[str]) -> int:
    if len(words) != 2:
        print("usage: survey.py CAMPAIGN NAME", file=sys.stderr)
        return 2
    try:
        folder, name = find_campaign(words[0]), words[1]
        found, first = rows(folder), folder.results()[0]
    except HarnessError as error:
        print(error, file=sys.stderr)
        return 2
    with (SURVEYS / f"{name}.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(found[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(found)
    text = yaml.safe_dump(machine(first, name), sort_keys=False)
    (SURVEYS / f"{name}.yaml").write_text(f"# As measured by {folder.name}.\n{text}")
    print(f"{len(found)} schedules in {SURVEYS / name}.csv")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
