"""Names and numbers of pages that a change elsewhere makes wrong."""

from __future__ import annotations

import re
from pathlib import Path

from harness.settings import load_settings
from tests.mutation.test_mutants import AT_LEAST
from tests.mutation.test_slips import SLIPS

ROOT = Path(__file__).parents[2]
COUNTED = ("gemms", "matvec", "depthwise")


def test_every_workload_is_named() -> None:
    page = (ROOT / "docs" / "reference" / "primitives.md").read_text()
    table = page.partition("| there are | problems |")[2].partition("\n\n")[0]
    named = re.findall(r"`([a-z0-9_]+)`", table)
    assert sorted(named) == sorted(path.stem for path in (ROOT / "conf/workload").glob("*.yaml"))
    (told,) = re.findall(rf"\| `{'`, `'.join(COUNTED)}`.*\| (.*) \|$", table, re.MULTILINE)
    counts = [len(load_settings([f"workload={name}"])[0].problems) for name in COUNTED]
    assert [int(number) for number in re.findall(r"\d+", told)] == counts


def test_mutants_and_slips_are_counted() -> None:
    page = (ROOT / "docs" / "concepts" / "verification.md").read_text()
    slips = sum(map(len, SLIPS.values()))
    assert f"`make test` has {AT_LEAST} that are wrong and {slips} slips by name" in page
