"""polydl list: the campaigns of a folder, newest first; touches nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.cli.arguments import names_and_options
from harness.errors import RecordError, SettingsError
from harness.record.journal import RUNS, CampaignFolder
from harness.report.campaigns import Listed, campaigns_grid
from harness.report.grid import shown
from harness.report.terminal import terminal

USAGE = "polydl list [FOLDER]"


def main(arguments: Sequence[str]) -> int:
    names, _ = names_and_options(arguments, USAGE, ())
    if len(names) > 1:
        raise SettingsError(f"more than one folder; usage: {USAGE}")
    folder = Path(names[0]).expanduser() if names else RUNS
    if names and not folder.is_dir():
        raise SettingsError(f"no folder at {folder}; usage: {USAGE}")
    found = [CampaignFolder(path) for path in sorted(folder.glob("*")) if path.is_dir()]
    console = terminal()
    listed = [_listed(one) for one in found if one.exists]
    if not listed:
        console.print(f"no campaigns in {folder}/", soft_wrap=True)
        return 0
    console.print(shown(campaigns_grid(listed)), soft_wrap=True)
    return 0


def _listed(folder: CampaignFolder) -> Listed:
    try:
        return Listed(folder.name, folder.results())
    except RecordError as error:
        return Listed(folder.name, reason=str(error))
