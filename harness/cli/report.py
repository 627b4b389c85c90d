"""polydl report: the review page of a campaign, and of several compared."""

from __future__ import annotations

from harness.cli.asked import Report
from harness.cli.rooms import room
from harness.outside import path_of
from harness.record.journal import find_campaign
from harness.report.terminal import terminal


def main(asked: Report) -> int:
    folders = [find_campaign(name) for name in asked.campaigns]
    out = None if asked.out is None else path_of(asked.out)
    pages = room("harness.report.review_file")
    one = len(folders) == 1
    page = pages.write_review(folders[0], out) if one else pages.write_comparison(folders, out)
    terminal().print(f"page:    {page}", soft_wrap=True)
    return 0
