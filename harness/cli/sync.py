"""polydl sync: bring MLflow up to date from a campaign's journal; safe to repeat."""

from __future__ import annotations

from harness.analysis.means import campaign_means
from harness.analysis.rank_quality import campaign_quality
from harness.cli.asked import Sync
from harness.cli.rooms import room
from harness.cli.store import tracking_of
from harness.record.journal import find_campaign
from harness.report.terminal import terminal
from harness.tracking.overview import overview


def main(asked: Sync) -> int:
    folder = find_campaign(asked.campaign)
    uri, experiment = tracking_of(folder, asked.uri, asked.experiment)
    results = folder.results()
    means, quality = campaign_means(folder, results), campaign_quality(folder, results)
    told = overview(results, means, quality)
    done = room("harness.tracking.sink").sync(folder, uri, experiment, told)
    console = terminal()
    console.print(
        f"{folder.path}: {done.written} runs written, {done.unchanged} were up to date",
        soft_wrap=True,
    )
    for note in done.notes:
        console.print(note, soft_wrap=True)
    return 0
