"""The one way to a terminal: text is printed as text, whatever it holds.

Paths, node names, reasons and records come from anywhere. Nothing in them is markup, a style or an
emoji, and what does not print (escapes, controls, directions, lone surrogates) is shown escaped.
Styles stand in `Text` objects alone.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from compiler.errors import printable

PIPE_WIDTH = 120  # columns, where there is no terminal to ask


class Terminal(Console):
    """A rich console that takes its text literally."""

    def __init__(self, **options: Any) -> None:
        # In a notebook rich shows what it prints, whatever file it is for.
        plain: dict[str, Any] = {"markup": False, "highlight": False, "emoji": False}
        super().__init__(**plain, force_jupyter=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Escaped before rich drops some of the controls."""
        return super().render_str(printable(text, kept="\n"), **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Rich's own escapes come as styles and controls; those in a text are the text's."""
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield Segment(printable(segment.text, kept="\n"), segment.style)


def terminal() -> Terminal:
    """Standard output, wide enough for a table where it is a pipe or a file."""
    return Terminal(width=None if sys.stdout.isatty() else PIPE_WIDTH)


def as_text(told: RenderableType, width: int = PIPE_WIDTH) -> str:
    """What a terminal would show, without colours, for a file."""
    text = io.StringIO()
    console = Terminal(file=text, width=width, color_system=None, force_terminal=False)
    console.print(told, soft_wrap=True)
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines()) + "\n"


def plain(text: object, style: str = "") -> Text:
    """One text in one style, its controls escaped before rich drops them."""
    return Text(printable(str(text), kept="\n"), style=style)
