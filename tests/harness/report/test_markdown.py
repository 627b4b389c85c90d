"""Markdown as a reader of Markdown sees it: tables of text, whatever the text is."""

from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from compiler.errors import printable
from harness.analysis.comparison import compared
from harness.report.comparison import comparison_grids
from harness.report.grid import Cell, Column, Grid
from harness.report.markdown import as_markdown, text
from tests.harness.analysis.past import campaign
from tests.harness.report.hostile import TEXTS, hostile

MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])


class Page(HTMLParser):
    def __init__(self, rendered: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.cells: list[str] = []
        self._open = False
        self.feed(rendered)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)
        self._open = tag in ("td", "th", "li", "h3")
        if self._open:
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        if self._open and data.strip():
            self.cells[-1] += data


def page(grid: Grid) -> Page:
    return Page(MARKDOWN.render(as_markdown(grid)))


def grid_of(*texts: str) -> Grid:
    rows = tuple((Cell(one), Cell("1.0")) for one in texts)
    columns = (Column("text", right=False), Column("number"))
    return Grid("title", columns, (rows,), tuple(Cell(one) for one in texts), airy=True)


def as_seen(told: str) -> str:
    return " ".join(printable(told).split())


def test_a_comparison_is_a_table() -> None:
    found = compared(campaign("before"), campaign("after", slow={"roofline": 1.1}))
    differing, pairs = (page(grid) for grid in comparison_grids(found))
    assert differing.cells[0] == "before -> after"
    assert "slower" in pairs.cells and "geometric mean of 2" in pairs.cells
    assert pairs.tags == {"h3", "table", "thead", "tbody", "tr", "th", "td", "ul", "li"}


def test_hostile_texts_show_as_text() -> None:
    seen = page(grid_of(*TEXTS))
    assert seen.tags == {"h3", "table", "thead", "tbody", "tr", "th", "td", "ul", "li"}
    wanted = [as_seen(one) for one in TEXTS]
    told = [" ".join(cell.split()) for cell in seen.cells]
    assert [cell for cell in told[3:] if cell != "1.0"] == wanted + wanted
    links = as_markdown(grid_of(*TEXTS))
    assert "://" not in links and "www." not in links and "@" not in links and "<" not in links


def test_hostile_records_make_a_table() -> None:
    for grid in comparison_grids(compared(hostile("a"), hostile("b"))):
        assert page(grid).tags <= {"h3", "table", "thead", "tbody", "tr", "th", "td", "ul", "li"}


@given(st.text(max_size=30))
def test_any_text_is_what_it_was(told: str) -> None:
    seen = page(grid_of(f"a{told}z"))
    assert " ".join(seen.cells[3].split()) == as_seen(f"a{told}z")
    assert "<" not in text(told) and "\n" not in text(told)
