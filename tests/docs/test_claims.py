"""The claims of the paper, README and docs, and the tables that are made of their records."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from harness.claims.claim import Claims
from harness.claims.pages import changed, pages_of, tables_of, without_tables
from harness.claims.quantities import QUANTITIES
from harness.claims.sources import check_sources
from harness.claims.tables import TABLES
from harness.cli.claims import known_claims

ROOT = Path(__file__).parents[2]
# Figures that were measured, by what stands about the number: no setting and no bound is told so.
MEASURED = re.compile(
    r"[0-9.]+ \[[0-9.]+ [0-9.]+\]"
    r"|1/[0-9]+ of its"
    r"|[0-9,]+(?: to [0-9,]+)? (?:trials|schedules|problems|units|runs) a second"
    r"|[0-9.]+ kB a (?:unit|trial)"
    r"|[0-9.]+ [MG]B of memory\b(?! and)"
    r"|(?:about|some) [\w -]+? minutes|[0-9¾½¼]+ minutes with|some [0-9]+ m?s\b"
    r"|[0-9.]+ ms for a unit"
    r"|[0-9]+ % (?:slower|faster|longer|from process to process)"
    r"|[0-9.]+ of (?:oneDNN|the best)"
)
MEGABYTES = 30


@pytest.fixture(scope="module")
def claims() -> Claims:
    return known_claims()


def test_making_every_table_anew_changes_nothing(claims: Claims) -> None:
    assert not [str(page) for page in changed(ROOT, claims)], "polydl claims tables=true"


def test_every_claim_stands_where_it_says(claims: Claims) -> None:
    check_sources(claims)
    assert sum(claim.source.paper is not None for claim in claims.claims.values()) > 10


def test_every_table_stands_in_a_page(claims: Claims) -> None:
    placed = {name for page in pages_of(ROOT) for name in tables_of(page.read_text())}
    assert placed == set(claims.tables)


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))], ids=lambda page: page.name
)
def test_a_measured_figure_is_a_claim_or_in_a_table(page: Path, claims: Claims) -> None:
    told = [" ".join((claim.source.text or "").split()) for claim in claims.claims.values()]
    figures = MEASURED.findall(" ".join(without_tables(page.read_text()).split()))
    assert not [figure for figure in figures if not any(figure in text for text in told)]


def test_experiments_are_small() -> None:
    size = sum(file.stat().st_size for file in (ROOT / "experiments").rglob("*") if file.is_file())
    assert size < MEGABYTES * 1e6


def test_records_that_are_kept_tell_no_place() -> None:
    kept = [path.parent for path in (ROOT / "experiments").rglob("campaign.yaml")]
    for file in (path for folder in kept for path in folder.iterdir()):
        told = file.read_bytes()
        text = gzip.decompress(told) if file.suffix == ".gz" else told
        assert not re.search(rb"[ \"'=]/(home|root|tmp|work)/", text), file


def test_the_page_names_every_quantity_and_table() -> None:
    page = (ROOT / "docs" / "reference" / "claims.md").read_text()
    assert not [name for name in (*QUANTITIES, *TABLES) if f"`{name}`" not in page]
