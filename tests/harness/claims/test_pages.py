from __future__ import annotations

from pathlib import Path

import pytest

from harness.claims.pages import changed, made_anew, pages_of, tables_of, without_tables
from harness.errors import SettingsError
from tests.harness.claims.records import toy_claims

PAGE = "Before\n<!-- table toy -->\nold\n<!-- end of table -->\nafter 1.0\n"


def test_a_table_is_made_anew_and_then_stays(tmp_path: Path) -> None:
    claims = toy_claims(tmp_path)
    page = tmp_path / "docs" / "page.md"
    page.parent.mkdir()
    page.write_text(PAGE)
    assert page in pages_of(tmp_path)
    (text,) = changed(tmp_path, claims).values()
    assert text.startswith("Before\n<!-- table toy -->\n| problem | roofline, GFLOP/s |")
    assert text.endswith("|\n<!-- end of table -->\nafter 1.0\n") and "old" not in text
    page.write_text(text)
    assert changed(tmp_path, claims) == {}
    assert list(tables_of(text)) == ["toy"] and without_tables(text) == "Before\n\nafter 1.0\n"


def test_without_records_it_says_what_makes_them(tmp_path: Path) -> None:
    claims = toy_claims(tmp_path)
    (claims.folder / "toy" / "here" / "results.jsonl.gz").unlink()
    page = tmp_path / "README.md"
    page.write_text(PAGE)
    told = made_anew(page, claims)
    assert "(not recorded yet: `polydl run experiment=toy`, 1 minutes)\n<!-- end" in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("<!-- table toys -->\n<!-- end of table -->\n", "unknown table 'toys'; nearest: toy"),
        ("<!-- table toy -->\nx\n", "a table begins that has no end"),
    ],
)
def test_mistakes_of_a_page(text: str, told: str, tmp_path: Path) -> None:
    claims = toy_claims(tmp_path, problems=1)
    page = tmp_path / "README.md"
    page.write_text(text)
    with pytest.raises(SettingsError, match=told):
        made_anew(page, claims)
