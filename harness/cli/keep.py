"""polydl keep: a finished campaign in a few small files with its page."""

from __future__ import annotations

from harness.cli.asked import Keep
from harness.cli.rooms import room
from harness.outside import path_of
from harness.record.journal import find_campaign
from harness.record.kept import write_kept
from harness.report.terminal import terminal


def main(asked: Keep) -> int:
    kept = write_kept(find_campaign(asked.campaign), path_of(asked.folder))
    page = room("harness.report.review_file").write_review(kept)
    size = sum(file.stat().st_size for file in kept.path.iterdir())
    console = terminal()
    console.print(f"records: {kept.path}, {size / 1e6:.1f} MB with the page", soft_wrap=True)
    console.print(f"page:    {page}", soft_wrap=True)
    return 0
