"""polydl train: the tournament's network from recorded campaigns, as a file of plain data."""

from __future__ import annotations

from compiler.cost.tournament import classifier_data
from harness.cli.asked import Train
from harness.cli.rooms import room
from harness.errors import RecordError
from harness.learn.surveys import surveys_of
from harness.outside import path_of, write_text
from harness.record.journal import find_campaign
from harness.record.result_line import json_text
from harness.report.terminal import terminal


def main(asked: Train) -> int:
    report = room("harness.learn.report")
    folders = [find_campaign(name) for name in asked.campaigns]
    surveys = [survey for folder in folders for survey in surveys_of(folder)]
    if not surveys:
        raise RecordError(
            "nothing to learn from: no trial of these campaigns measured several candidates; "
            "strategy=survey does"
        )
    hosts = {str(r.host.get("cpu")): None for folder in folders for r in folder.results()}
    test = [name for name in asked.test.split(",") if name]
    classifier, judged = report.trained_and_judged(
        surveys, test, asked.seed, [folder.name for folder in folders], list(hosts)
    )
    out = path_of(asked.out)
    write_text(out, json_text(classifier_data(classifier)) + "\n")
    console = terminal()
    console.print(report.accuracy_table(judged))
    console.print(
        f"{out}: use it with strategy=tournament strategy.tournament.model={out}",
        soft_wrap=True,
    )
    return 0
