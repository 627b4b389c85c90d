"""How many pairs of the paper's own variants the paper's network tells right, on unseen layers.

    python experiments/tournament/paper_pairs.py

Learned from and judged on experiments/03_ranking/zen5_paper, whose `survey_paper` measured up to 60
of the paper's variants of each layer of ResNet-50, LIBXSMM inside: in five parts, each judged by
what was learned from the others. The figures go to paper_pairs.json. Nothing is measured.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

from compiler.schedule.schedule import Schedule
from harness.learn.measured import Measured
from harness.learn.pairs import Accuracy, Survey, accuracy, survey_of
from harness.learn.recorded import measured_in
from harness.learn.training import FORMS, trained
from harness.record.journal import CampaignFolder

HERE = Path(__file__).parent
RECORDS = HERE.parent / "03_ranking" / "zen5_paper"
OUT = HERE / "paper_pairs.json"
LIBRARY = "libxsmm"  # inside all of the paper's variants, and in no other schedule
PARTS = 5
SEED = 0
FORM = FORMS["paper"]


def papers_own(problems: Sequence[Measured]) -> list[Survey]:
    chosen = [p for p in problems if all(_called(s) for s in p.seconds)]
    return [survey_of(problem, FORM.features) for problem in chosen]


def _called(schedule: Schedule) -> bool:
    return any(band.microkernel == LIBRARY for band in schedule.bands)


def in_parts(surveys: Sequence[Survey]) -> Iterator[Accuracy]:
    """Of every layer, by a network that has not seen it."""
    layers = sorted({one.identity for one in surveys})
    Random(SEED).shuffle(layers)
    for k in range(PARTS):
        part = set(layers[k::PARTS])
        network = trained(FORM, [one for one in surveys if one.identity not in part], SEED)
        for one in surveys:
            if one.identity in part:
                yield accuracy(network, one)


def main() -> None:
    folder = CampaignFolder(RECORDS)
    surveys = papers_own(measured_in(folder))
    found = Accuracy.over(list(in_parts(surveys)))
    held = {
        "cpu": str(folder.results()[0].host["cpu"]),
        "problems": len(surveys),
        "pairs": found.pairs,
        "right": found.share,
        "clear_pairs": found.clear_pairs,
        "clear_right": found.clear_share,
    }
    OUT.write_text(json.dumps(held, indent=1) + "\n")
    print(f"written: {OUT}")


if __name__ == "__main__":
    main()
