"""polydl export-data: a campaign's trials as csv, parquet or a latex table."""

from __future__ import annotations

import sys

from harness.analysis.trial_rows import trial_rows
from harness.cli.asked import ExportData
from harness.cli.rooms import room
from harness.errors import SettingsError
from harness.outside import path_of, write_bytes, write_text
from harness.record.journal import find_campaign
from harness.report.data_files import as_csv, as_parquet
from harness.report.latex import as_latex


def main(asked: ExportData) -> int:
    results = find_campaign(asked.campaign).results()
    if asked.format == "parquet":
        if asked.out is None:
            raise SettingsError("format=parquet is no text; name a file: out=FILE")
        arrow, parquet = room("pyarrow"), room("pyarrow.parquet")
        write_bytes(path_of(asked.out), as_parquet(arrow, parquet, *trial_rows(results)))
        return 0
    text = as_csv(*trial_rows(results)) if asked.format == "csv" else as_latex(results)
    if asked.out is None:
        sys.stdout.write(text)
    else:
        write_text(path_of(asked.out), text)
    return 0
