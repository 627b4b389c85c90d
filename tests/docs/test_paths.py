"""Files that the pages name are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FILE = re.compile(r"\b(?:compiler|harness|conf|docs|tests|experiments)/[\w/.-]*\.\w+\b")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_a_page_names_are_there(page: Path) -> None:
    named = set(FILE.findall(page.read_text()))
    assert not [name for name in named if not (ROOT / name).exists()]


def test_pages_name_files() -> None:
    assert sum(len(FILE.findall(page.read_text())) for page in PAGES) > 50
