from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.claims.records import Records, Unanswered
from harness.claims.tables import TABLES
from harness.options import options_from
from harness.report.tables import render_campaign
from tests.harness.claims.test_quantities import DEMO


@pytest.fixture(scope="module")
def demo() -> Records:
    return Records.of(DEMO)


def made(records: Records, form: str, **of: Any) -> str:
    found = TABLES[form]
    return found.made(records, options_from(found.options, of, "of"))


def test_the_text_is_what_a_run_ends_with(demo: Records) -> None:
    whole = made(demo, "text")
    lines = render_campaign(demo.results).splitlines()
    assert whole.startswith("```text\n") and lines[4] in whole.splitlines()
    some = made(demo, "text", shown=["resnet50_03"])
    assert "4 of" not in some and "1 of 10 problems" in some and "geometric mean" in some
    assert "resnet50_03" in some and "resnet50_05" not in some


def test_networks_problems_and_classes(demo: Records) -> None:
    heads, _, *rows = made(demo, "networks", contenders=["top_k", "roofline"]).splitlines()
    assert heads.startswith("| network | contender | problems | of onednn \\[95 %\\]")
    assert [row.split(" | ")[1:3] for row in rows] == [["top\\_k", "10"], ["roofline", "10"]]
    *_, absent = made(demo, "networks", contenders=["roofline", "polydl"]).splitlines()
    assert "no trial of polydl is recorded" in absent
    _, _, *rows = made(demo, "problems", contenders=["top_k"]).splitlines()
    assert len(rows) == 10 and all(row.count("|") == 4 for row in rows)
    _, _, *rows = made(demo, "classes").splitlines()
    assert sum(int(row.split(" | ")[1]) for row in rows) == 10
    assert made(demo, "losses") == "None of 10 is slower for certain.\n"


def test_twice_the_same(demo: Records) -> None:
    _, _, *rows = made(demo, "twice", other=DEMO.name, contenders=["top_k"]).splitlines()
    assert len(rows) == 10
    for row in rows:
        *_, first, again, _ = row.split("|")
        assert first == again


def test_figures_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text('{"rows": {"one_a": [1145, 0.5, "2 of 3"]}, "text": "x"}')
    records = Records.of(file)
    told = made(records, "figures", rows="rows", columns=["a", "b", "c", "d"], signed=True)
    assert told.splitlines()[2] == "| one\\_a | 1,145 | +0.500 | 2 of 3 |"
    with pytest.raises(Unanswered, match="text is no mapping of rows"):
        made(records, "figures", rows="text")


@pytest.mark.parametrize("form", ["ranking", "solutions"])
def test_what_records_do_not_hold(form: str, demo: Records) -> None:
    if form == "ranking":
        assert "top\\_k" in made(demo, form)
    else:
        with pytest.raises(Unanswered, match="no tuner was measured"):
            made(demo, form)
