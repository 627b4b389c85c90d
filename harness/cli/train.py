"""polydl train: a tournament from recorded campaigns and surveys, as a file of plain data."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.cost.tournament_file import tournament_data
from harness.cli.asked import Train
from harness.cli.rooms import room
from harness.errors import RecordError
from harness.learn.measured import Measured
from harness.learn.pairs import survey_of
from harness.learn.recorded import measured_in
from harness.learn.survey_files import SUFFIX, read_survey
from harness.outside import path_of, write_text
from harness.record.journal import find_campaign
from harness.record.result_line import json_text
from harness.report.terminal import terminal


def main(asked: Train) -> int:
    report, training = room("harness.learn.report"), room("harness.learn.training")
    sources = _measured(asked.recordings)
    if not sources:
        raise RecordError(
            "nothing to learn from: no trial of these campaigns measured several candidates; "
            "strategy=survey does"
        )
    judges = _measured(_names(asked.judge))
    form = training.FORMS[asked.features]
    surveys, others = ([survey_of(x, form.features) for x in xs] for xs in (sources, judges))
    tournament, judged = report.trained_and_judged(
        form, surveys, others, _names(asked.test), asked.seed, asked.recordings
    )
    out = path_of(asked.out)
    write_text(out, json_text(tournament_data(tournament)) + "\n")
    console = terminal()
    console.print(report.accuracy_table(judged))
    console.print(report.choice_table(judged))
    console.print(
        f"{out}: use it with strategy=tournament strategy.tournament.model={out}",
        soft_wrap=True,
    )
    return 0


def _names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def _measured(recordings: Sequence[str]) -> list[Measured]:
    """A survey's file ends in .csv; anything else is a campaign."""
    found: list[Measured] = []
    for name in recordings:
        survey = name.endswith(SUFFIX)
        found += read_survey(name) if survey else measured_in(find_campaign(name))
    return found
