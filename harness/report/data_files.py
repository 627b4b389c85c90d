"""A table of trials as CSV or Parquet.

Spreadsheets run what begins like a formula: a text that does is given a quote before it, whatever
the format, so that no cell begins with = + - @ but a number.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

from compiler.errors import printable
from harness.analysis.trial_rows import Value

_FORMULA = re.compile(r"\s*[=+\-@]")


def as_csv(kinds: Mapping[str, type], rows: Sequence[Mapping[str, Value]]) -> str:
    """A heading and a line for each row, empty where there is no value; UTF-8, lines end in LF."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([cell(name) for name in kinds])
    writer.writerows([[cell(row[name]) for name in kinds] for row in rows])
    return text.getvalue()


def as_parquet(
    arrow: Any, parquet: Any, kinds: Mapping[str, type], rows: Sequence[Mapping[str, Value]]
) -> bytes:
    """The bytes of the file, with a type for each column, by pyarrow's modules."""
    types = {str: arrow.string(), int: arrow.int64(), float: arrow.float64()}
    columns = [arrow.array([cell(row[n]) for row in rows], types[kinds[n]]) for n in kinds]
    table = arrow.Table.from_arrays(columns, names=[str(cell(name)) for name in kinds])
    held = io.BytesIO()
    parquet.write_table(table, held)
    return held.getvalue()


def cell(value: Value) -> Value:
    """On one line, without what does not print, and no formula."""
    if not isinstance(value, str):
        return value
    told = printable(value)
    return f"'{told}" if _FORMULA.match(told) else told
