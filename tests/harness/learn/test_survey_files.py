"""Surveys as files: the two files of one, and what is refused in either."""

from __future__ import annotations

from pathlib import Path

import pytest

from compiler.schedule.text import parse_schedule
from harness.errors import HarnessError
from harness.learn.survey_files import read_survey

MACHINE = """\
name: mine
model: A processor
isa: x86_64
vector_bytes: 64
vector_registers: 32
caches: {L1: {bytes: 32768}, L2: {bytes: 1048576}}
peak: 100.0
workloads: [quickstart]
"""
LINE = "broadcast/vector:n.16/tile:n.3+m.8/order:n+m+k/layout:b.Ba16b/unroll:8"
OTHER = LINE.replace("m.8", "m.4")
ROWS = f"""\
problem,schedule,microseconds,microseconds_other_pass,onednn_microseconds
matmul_512x512x512,{LINE},20.5,20.0,19
matmul_512x512x512,{OTHER},30.5,,19
"""


def kept(folder: Path, rows: str = ROWS, machine: str = MACHINE) -> Path:
    (folder / "one.csv").write_text(rows)
    (folder / "one.yaml").write_text(machine)
    return folder / "one.csv"


def test_a_survey_is_read(tmp_path: Path) -> None:
    (one,) = read_survey(kept(tmp_path))
    assert (one.name, one.network, one.host) == ("matmul_512x512x512", "quickstart", "A processor")
    assert one.seconds == {
        parse_schedule(LINE): pytest.approx(20e-6),
        parse_schedule(OTHER): pytest.approx(30.5e-6),
    }
    assert one.onednn == pytest.approx(19e-6) and one.kind == "product" and one.threads == 1
    assert (one.machine.name, one.machine.peak) == ("mine", 100.0)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ("problem,schedule\n", "column 'microseconds' is missing"),
        ("", "column 'problem' is missing"),
        (ROWS.replace("512x512x512", "7x7x7"), "line 2: problem 'matmul_7x7x7' is in no workload"),
        (ROWS.replace("broadcast", "magic"), "line 2: schedule: unknown scheme 'magic'"),
        (ROWS.replace("order:n+m+k", "order:n+k"), "line 2: .*order"),
        (ROWS.replace("30.5,,", "soon,,"), "line 3: microseconds must be a number > 0, got soon"),
        (ROWS.replace("30.5,,", "nan,,"), "line 3: microseconds must be a number > 0, got nan"),
        (ROWS.replace("30.5,,", "-1,,"), "line 3: microseconds must be a number > 0, got -1"),
        (ROWS.replace("30.5,,", ",,"), "line 3: microseconds must be a number > 0, got ''"),
        (ROWS + "matmul_512x512x512\n", "line 4: "),
    ],
)
def test_rows_that_are_none_are_named(rows: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=rf"one\.csv.*{told}"):
        read_survey(kept(tmp_path, rows))


@pytest.mark.parametrize(
    ("machine", "told"),
    [
        ("[1]", "must hold a mapping"),
        ("{", r"one\.yaml: .*line"),
        (MACHINE.replace("workloads", "other"), "'workloads' is missing"),
        (MACHINE.replace("[quickstart]", "quickstart"), "workloads must be names"),
        (MACHINE.replace("quickstart", "nothing"), "nothing"),
        (MACHINE.replace("isa:", "was:"), "describes no machine"),
        (MACHINE.replace("bytes: 32768", "bytes: none"), "describes no machine"),
        (MACHINE.replace("vector_bytes: 64", "vector_bytes: 3"), "vector_bytes must be 4, 16"),
        (MACHINE.replace("vector_registers: 32\n", ""), "vector_registers"),
    ],
)
def test_machines_that_are_none_are_named(machine: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=told) as refused:
        read_survey(kept(tmp_path, machine=machine))
    assert len(str(refused.value).splitlines()) == 1


def test_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    kept(tmp_path).unlink()
    with pytest.raises(HarnessError, match=r"cannot read .*one\.csv"):
        read_survey(tmp_path / "one.csv")
    (tmp_path / "one.yaml").unlink()
    with pytest.raises(HarnessError, match=r"cannot read .*one\.yaml"):
        read_survey(tmp_path / "one.csv")
