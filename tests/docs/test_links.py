"""Links of the pages lead somewhere, every page can be found, files that they name are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, PAGES, ROOT, anchors, name, outside_fences

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FILE = re.compile(r"\b(?:compiler|harness|conf|docs|tests|experiments|examples)/[\w/.-]*\.\w+\b")


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(outside_fences(page)):
        if re.match(r"https?://", link):
            continue
        path, _, anchor = link.partition("#")
        to = (page.parent / path).resolve() if path else page
        assert to.is_relative_to(ROOT) and to.exists(), link
        assert not anchor or anchor in anchors(to), link


def test_every_page_is_in_the_index() -> None:
    index = DOCS / "README.md"
    told = {(DOCS / link).resolve() for link in LINK.findall(index.read_text())}
    assert told >= set(DOCS.rglob("*.md")) - {index}


def test_every_experiment_is_in_its_index() -> None:
    """With the records that it keeps."""
    index = ROOT / "experiments" / "README.md"
    rows = [row for row in index.read_text().splitlines() if row.startswith("| ")]
    kept = {name: "`zen5/`" in row for row in rows for name in re.findall(r"\((\w+)/\)", row)}
    pages = [page.parent for page in index.parent.glob("*/README.md")]
    assert kept == {folder.name: (folder / "zen5").is_dir() for folder in pages}


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md"], ids=name)
def test_files_that_a_page_names_are_there(page: Path) -> None:
    named = set(FILE.findall(page.read_text()))
    assert not [file for file in named if not (ROOT / file).exists()]


def test_pages_name_files() -> None:
    assert sum(len(FILE.findall(page.read_text())) for page in PAGES) > 50
