"""A table as Markdown, as GitHub and GitLab show it. What stands in a cell is text, whatever it is.

Characters that mean something to Markdown are escaped, or become entities, which are text by its
definition: addresses, mentions and numbers of issues are not linked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from compiler.errors import printable
from harness.report.grid import Grid

_ESCAPED = re.compile(r"[\\`*_{}\[\]|~!$^]")  # a backslash before it makes it text
_NUMBER = re.compile(r"[-+]?[0-9][0-9.,]*")  # in a cell it is nothing but itself
_ENTITY = re.compile(r"[<&@#]|(?<=www)\.|:(?=//)|^[-+=>]|^\d+(?=[.)](?: |$))")


def as_markdown(grid: Grid) -> str:
    """A heading, the table if it has rows, and its notes as a list."""
    lines = [f"### {text(grid.title)}", ""]
    rows = [row for section in grid.sections for row in section]
    if rows:
        lines.append(_row(text(column.heading) for column in grid.columns))
        lines.append(_row("---:" if column.right else "---" for column in grid.columns))
        lines += [_row(text(cell.text) for cell in row) for row in rows]
        lines.append("")
    lines += [f"- {text(note.text)}" for note in grid.notes]
    return "\n".join(lines).rstrip() + "\n"


def text(told: str) -> str:
    """On one line, with escapes and entities for what Markdown would read as its own."""
    if _NUMBER.fullmatch(told):
        return told
    return _ESCAPED.sub(r"\\\g<0>", _ENTITY.sub(_entity, printable(told)))


def _entity(found: re.Match[str]) -> str:
    return "".join(f"&#{ord(character)};" for character in found[0])


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
