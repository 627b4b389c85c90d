"""polydl show: a campaign's table again, or one trial with all that is known; touches nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.analysis.means import campaign_means
from harness.analysis.rank_quality import campaign_quality
from harness.cli.asked import Show
from harness.errors import SettingsError
from harness.record.journal import CampaignFolder, find_campaign
from harness.record.network import recorded_networks
from harness.record.result import TrialResult
from harness.report.networks import network_lines
from harness.report.tables import campaign_table
from harness.report.terminal import Terminal, plain, terminal
from harness.report.trial import TrialFiles, trial_lines


def main(asked: Show) -> int:
    folder = find_campaign(asked.campaign)
    results = folder.results()
    console = terminal()
    if asked.trial is None:
        means, quality = campaign_means(folder, results), campaign_quality(folder, results)
        told = campaign_table(results, means, quality, full=asked.full)
        console.print(told, soft_wrap=True)
        for line in network_lines(recorded_networks(folder), asked.full):
            console.print(plain(line), soft_wrap=True)
        return 0
    _show(folder, chosen(results, asked.trial), console)
    return 0


def chosen(results: Sequence[TrialResult], wanted: str) -> TrialResult:
    """The one trial that is meant. Raises SettingsError that lists what there is."""
    problem, colon, contender = wanted.rpartition(":")
    found = [r for r in results if r.trial.startswith(wanted)]
    if colon:
        found = [r for r in results if (r.problem.get("name"), r.contender) == (problem, contender)]
    if len(found) == 1:
        return found[0]
    listed = ", ".join(f"{r.trial} ({r.problem.get('name')}:{r.contender})" for r in found[:4])
    if not found:
        known = dict.fromkeys(f"{r.problem.get('name')}:{r.contender}" for r in results)
        listed = ", ".join(list(known)[:6]) + (", ..." if len(known) > 6 else "")
    which = "no trial" if not found else f"{len(found)} trials"
    raise SettingsError(f"{which} '{wanted}'; there are: {listed or 'none'}")


def _show(folder: CampaignFolder, result: TrialResult, console: Terminal) -> None:
    kernel = folder.kernel_file(result.kernel) if result.kernel else None
    files = TrialFiles(_kept(folder.samples_file(result.trial)), _kept(kernel))
    lines = list(trial_lines(str(folder.path), result, folder.candidates(result.trial), files))
    width = max(len(what) for what, _ in lines)
    for what, value in lines:  # each on one line, to be pasted
        console.print(plain(what.ljust(width), "bold"), plain(value), soft_wrap=True)


def _kept(file: Path | None) -> Path | None:
    return file if file is not None and file.is_file() else None
