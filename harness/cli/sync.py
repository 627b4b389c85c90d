"""polydl sync: bring MLflow up to date from a campaign's journal; safe to repeat."""

from __future__ import annotations

from collections.abc import Sequence

from harness.analysis.means import campaign_means
from harness.analysis.rank_quality import campaign_quality
from harness.cli.arguments import campaign_argument, tracking_of
from harness.cli.rooms import room
from harness.record.journal import find_campaign
from harness.report.tables import render_campaign
from harness.report.terminal import terminal

USAGE = "polydl sync CAMPAIGN [tracking.uri=ADDRESS] [tracking.experiment=NAME]"


def main(arguments: Sequence[str]) -> int:
    name, options = campaign_argument(arguments, USAGE, ("uri", "experiment"))
    folder = find_campaign(name or "")
    uri, experiment = tracking_of(folder, options)
    results = folder.results()
    means, quality = campaign_means(folder, results), campaign_quality(folder, results)
    table = render_campaign(results, means, quality)
    done = room("harness.record.mlflow_sink").sync(folder, uri, experiment, table)
    console = terminal()
    console.print(
        f"{folder.path}: {done.written} runs written, {done.unchanged} were up to date",
        soft_wrap=True,
    )
    for note in done.notes:
        console.print(note, soft_wrap=True)
    return 0
