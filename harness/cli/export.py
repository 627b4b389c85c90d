"""polydl export: a campaign's best kernels as a C library."""

from __future__ import annotations

import shlex

from harness.cli.asked import Export
from harness.export.write import write_library
from harness.outside import path_of
from harness.record.journal import find_campaign
from harness.report.terminal import plain, terminal


def main(asked: Export) -> int:
    folder = path_of(asked.folder)
    kernels = write_library(find_campaign(asked.campaign), folder)
    console = terminal()
    for one in kernels:
        console.print(
            plain(f"{one.name}  {one.result.contender}, {one.kernel.schedule}"), soft_wrap=True
        )
    build = shlex.join(["make", "-C", str(folder), "test"])
    console.print(
        plain(f"{len(kernels)} kernels in {folder}; build and test: {build}"), soft_wrap=True
    )
    return 0
