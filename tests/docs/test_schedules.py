"""docs/reference/schedules.md: the line to paste compiles, no field is without an example."""

from __future__ import annotations

import re
from pathlib import Path

from compiler.pipeline import compile_schedule
from compiler.problem.specification import primitive_from
from compiler.schedule.schedule import SCHEMES
from compiler.schedule.text import FIELDS, TUNING_FIELDS, parse_schedule
from tests.compiler.problem.operators import shipped

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "schedules.md"


def test_the_line_to_paste_compiles() -> None:
    (line,) = re.findall(r"polydl run primitive=matmul .*fixed\.schedule=(\S+)", PAGE.read_text())
    assert str(parse_schedule(line)) == line
    compile_schedule(primitive_from(shipped("matmul")), parse_schedule(line))


def test_every_field_and_scheme_has_an_example() -> None:
    sections = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##)", PAGE.read_text(), re.S | re.M))
    shown = {name for name, text in sections.items() if "    >>> " in text}
    assert shown >= {*FIELDS, *TUNING_FIELDS, "scheme"}
    assert {*re.findall(r"microkernel (\w+): ", PAGE.read_text()), "scalar"} >= set(SCHEMES)
