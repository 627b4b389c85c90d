from __future__ import annotations

import csv
import io
import re

import pandas
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.trial_rows import trial_rows
from harness.report.data_files import as_csv, as_parquet, cell
from tests.harness.analysis.past import campaign
from tests.harness.report.hostile import TEXTS, hostile

NUMBER = re.compile(r"[+-]?\d+(\.\d+)?(e[+-]?\d+)?")


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_pandas_reads_every_figure_with_its_interval() -> None:
    results = campaign().results
    table = pandas.read_csv(io.StringIO(as_csv(*trial_rows(results))))
    assert len(table) == len(results) == 6
    first = results[0]
    assert first.seconds is not None
    assert table["seconds"][0] == first.seconds.median
    assert (table["seconds.low"][0], table["seconds.high"][0]) == first.seconds.ci95
    assert table["speedup.onednn"][0] == first.speedup["onednn"].ratio
    assert table["speedup.onednn.low"][0] == first.speedup["onednn"].ci95[0]
    assert table["speedup.onednn"].isna().sum() == 2  # the baseline's own rows


def test_parquet_holds_the_same_with_types() -> None:
    kinds, rows = trial_rows(campaign().results)
    held = as_parquet(pyarrow, pyarrow.parquet, kinds, rows)
    table = pandas.read_parquet(io.BytesIO(held))
    text = pandas.read_csv(io.StringIO(as_csv(kinds, rows)))
    assert list(table.columns) == list(text.columns)
    assert table["threads"].dtype == "int64" and table["gflops"].dtype == "float64"
    assert table["seconds"].tolist() == text["seconds"].tolist()
    assert table["verdict.onednn"].isna().sum() == 2


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_no_cell_is_a_formula(form: str) -> None:
    kinds, rows = trial_rows(hostile().results)
    if form == "csv":
        held = read(as_csv(kinds, rows))
    else:
        file = io.BytesIO(as_parquet(pyarrow, pyarrow.parquet, kinds, rows))
        held = pyarrow.parquet.read_table(file).to_pylist()
    assert len(held) == len(rows) == 4 * len(TEXTS)
    for row in held:
        for value in (*row, *row.values()):
            told = "" if value is None else str(value)
            assert told.lstrip()[:1] not in {*"=+-@"} or NUMBER.fullmatch(told)
            assert "\n" not in told
    assert {row["problem"] for row in held} == {cell(one) for one in TEXTS}


@given(st.text())
def test_a_cell_is_a_text_on_one_line(told: str) -> None:
    (row,) = read(as_csv({"a": str, "b": int}, [{"a": f"x{told}", "b": -1}]))
    assert row == {"a": cell(f"x{told}"), "b": "-1"}
