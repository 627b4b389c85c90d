"""A table before it has a form, and its form in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from harness.report.terminal import plain

LEAST_LABEL = 8  # characters of a problem's label before it is folded
WIDEST = 10_000  # columns; no table needs as many
COLOURS = {
    "faster": "green",
    "slower": "red",
    "failed": "red",
    "skipped": "yellow",
    "unsupported": "yellow",
    "some": "yellow",
    "loud": "red",
}


@dataclass(frozen=True)
class Cell:
    text: str = ""
    style: str = ""


@dataclass(frozen=True)
class Column:
    """`folds`: its cells take several lines where the whole table fits the terminal then."""

    heading: str
    right: bool = True
    folds: bool = False


@dataclass(frozen=True)
class Grid:
    """The table before it has a form: rows of cells in sections, then lines below."""

    title: str
    columns: tuple[Column, ...]
    sections: tuple[tuple[tuple[Cell, ...], ...], ...]
    notes: tuple[Cell, ...]
    airy: bool  # two spaces between columns


class _Whole:
    """A table that is as wide as its figures need, also where the terminal is narrower.

    What stands in it is copied into commands: a name is in pieces only where that makes it fit.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        free = options.update(max_width=WIDEST)
        needed = Measurement.get(console, free, self._table).minimum
        lacking = needed - options.max_width
        for label in (column for column in self._table.columns if not column.no_wrap):
            wide = Measurement.get(console, free, Group(*label.cells)).maximum
            if 0 < lacking <= wide - LEAST_LABEL:
                label.min_width, label.max_width = LEAST_LABEL, wide - lacking
                needed = Measurement.get(console, free, self._table).minimum
        yield from console.render(
            self._table, options.update(max_width=max(options.max_width, needed))
        )


def shown(grid: Grid) -> RenderableType:
    table = Table(
        title=plain(grid.title),
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        padding=(0, 1 if grid.airy else 0, 0, 0),
        pad_edge=False,
        show_edge=False,
    )
    rows = [row for section in grid.sections for row in section]
    for at, column in enumerate(grid.columns):
        longest = max(map(len, [column.heading, *(row[at].text for row in rows)]))
        table.add_column(
            plain(column.heading),
            justify="right" if column.right else "left",
            no_wrap=not column.folds,
            overflow="fold" if column.folds else "ellipsis",
            min_width=longest,
        )
    for section in grid.sections:
        for row in section:
            table.add_row(*(plain(cell.text, cell.style) for cell in row))
        table.add_section()
    notes = [plain(note.text, note.style) for note in grid.notes]
    for note in notes:
        note.no_wrap, note.overflow = True, "ignore"
    return Group(_Whole(table), Text(), *notes)


def first(members: Sequence[object]) -> list[bool]:
    return [position == 0 for position in range(len(members))]
