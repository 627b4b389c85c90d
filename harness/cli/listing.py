"""polydl list: the campaigns of a folder, newest first; touches nothing."""

from __future__ import annotations

from compiler.errors import shown as shown_text
from harness.cli.asked import List
from harness.errors import RecordError, SettingsError
from harness.outside import path_of
from harness.record.journal import RUNS, CampaignFolder
from harness.report.campaigns import Listed, campaigns_grid
from harness.report.grid import shown
from harness.report.terminal import terminal


def main(asked: List) -> int:
    folder = RUNS if asked.folder is None else path_of(asked.folder)
    if asked.folder is not None and not folder.is_dir():
        raise SettingsError(f"no folder at {shown_text(folder)}")
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
