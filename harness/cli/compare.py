"""polydl compare: two campaigns, or the history of several; status 1 where one is slower."""

from __future__ import annotations

import sys

from rich.console import Group
from rich.text import Text

from harness.analysis.comparison import Comparison, compared
from harness.analysis.history import History, history
from harness.analysis.recorded import recorded
from harness.cli.asked import Compare
from harness.errors import SettingsError
from harness.outside import path_of, write_text
from harness.record.journal import find_campaign
from harness.record.result_line import json_text
from harness.report.comparison import comparison_grids, history_grid
from harness.report.comparison_data import comparison_data, history_data
from harness.report.grid import shown
from harness.report.junit import as_junit
from harness.report.markdown import as_markdown
from harness.report.terminal import as_text, terminal


def main(asked: Compare) -> int:
    if len(asked.campaigns) < 2:
        raise SettingsError("one campaign is named; name two, or several for their history")
    campaigns = [recorded(find_campaign(name)) for name in asked.campaigns]
    if len(campaigns) == 2:
        found = compared(campaigns[0], campaigns[1], asked.threshold)
        _write(asked, found, None)
        return int(found.regressed)
    series = history(campaigns, asked.threshold)
    _write(asked, series.newest, series)
    return int(series.newest.regressed)


def _write(asked: Compare, found: Comparison, past: History | None) -> None:
    """To a file where one is named, else to the terminal."""
    grids = [*([history_grid(past)] if past else []), *comparison_grids(found)]
    told = Group(*(part for grid in grids for part in (shown(grid), Text())))
    if asked.format == "text" and asked.out is None:
        terminal().print(told, soft_wrap=True)  # notes hold names to be pasted
        return
    text = {
        "text": lambda: as_text(told),
        "markdown": lambda: "\n".join(map(as_markdown, grids)),
        "junit": lambda: as_junit(found),
        "json": lambda: json_text(history_data(past) if past else comparison_data(found)) + "\n",
    }[asked.format]()
    if asked.out is None:
        sys.stdout.write(text)
    else:
        write_text(path_of(asked.out), text)
