"""The commands that pages tell a reader, each with its mark.

A block of commands is ```sh MARK, a command a line, what it is for behind `#`:

run      `make test` runs them, `make soak` those of the tutorial
slow     `make soak` runs them; `make test` reads them
compose  they take hours, or need what a test has not: `make test` reads them

Commands in a line of text, in a comment of conf/ and on the pages of experiments are composed too.
To read one of polydl's means: its words are known, its configuration composes, its problems plan.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.docs.pages import DOCS, ROOT, outside_fences

MARKS = ("run", "slow", "compose")
LANGUAGES = ("c", "html", "mermaid", "python", "text", "toml", "yaml")
MARKED = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
_FILE = re.compile(r"`([\w./-]+)`:\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`(polydl [^`]+)`")
_COMMENT = re.compile(r"^ *#+ (polydl [a-z-]+ .*)$", re.MULTILINE)
_INSIDE = re.compile(r"\$\((polydl [^)]*)\)")
_ENDS = {"&&", "||", "|", ";", "&"}


@dataclass(frozen=True)
class Command:
    """`text` is what a shell takes; `line` is where it stands in its page."""

    page: Path
    line: int
    mark: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line} {self.text}"

    @property
    def parts(self) -> tuple[tuple[str, ...], ...]:
        """The simple commands in it, as words."""
        lexer = shlex.shlex(_INSIDE.sub("", self.text), posix=True, punctuation_chars="|&;")
        lexer.whitespace_split = True
        found: list[list[str]] = [[]]
        for word in lexer:
            if word in _ENDS:
                found.append([])
            else:
                found[-1].append(word)
        inner = [shlex.split(text) for text in _INSIDE.findall(self.text)]
        return tuple(tuple(words) for words in (*found, *inner) if words)


def fences(page: Path) -> Iterator[tuple[int, str, str]]:
    """Line, info string and text of each block."""
    text = page.read_text()
    for fence in _FENCE.finditer(text):
        yield text.count("\n", 0, fence.start()) + 2, fence[1], fence[2]


def in_blocks(page: Path) -> Iterator[Command]:
    for first, info, text in fences(page):
        language, _, mark = info.partition(" ")
        if language == "sh":
            yield from _lines(page, first, mark, text)


def in_text(page: Path) -> Iterator[Command]:
    """Those in a line of text; where words are left out (`...`), it is no command."""
    text = outside_fences(page)
    for found in _INLINE.finditer(text):
        if "..." not in found[1]:
            yield Command(page, 0, "compose", " ".join(found[1].split()))


def in_comments(page: Path) -> Iterator[Command]:
    """Those of a file of conf/."""
    text = page.read_text()
    for found in (*_COMMENT.finditer(text), *_INLINE.finditer(text)):
        yield Command(page, text.count("\n", 0, found.start()) + 1, "compose", found[1])


def in_experiments(page: Path) -> Iterator[Command]:
    """Those of polydl in any block of an experiment's page."""
    for first, _, text in fences(page):
        told = [line.startswith("polydl ") and "..." not in line for line in text.splitlines()]
        lines = [line if own else "" for line, own in zip(text.splitlines(), told, strict=True)]
        yield from _lines(page, first, "compose", "\n".join(lines))


def _lines(page: Path, first: int, mark: str, text: str) -> Iterator[Command]:
    lines: Sequence[str] = text.splitlines()
    whole = ""
    for number, line in enumerate(lines, start=first):
        if not whole:
            begun = number
        whole += line.removesuffix("\\")
        if line.endswith("\\"):
            continue
        if whole.strip() and not whole.lstrip().startswith("#"):
            yield Command(page, begun, mark, whole.strip())
        whole = ""


def files(page: Path) -> tuple[tuple[str, str], ...]:
    """Name and text of each file that a page tells to write: a block below `NAME`:"""
    return tuple((found[1], found[2]) for found in _FILE.finditer(page.read_text()))


def script(page: Path, told: Iterable[Command]) -> str:
    """These commands of the page as one text for bash, and its files where they are written.

    A comparison that finds something slower (status 1) is an answer, too.
    """
    text = page.read_text()
    steps = []
    for found in _FILE.finditer(text):
        folder = str(Path(found[1]).parent)
        step = f"mkdir -p {folder}\ncat > {found[1]} <<'END_OF_FILE'\n{found[2]}END_OF_FILE"
        steps.append((text.count("\n", 0, found.start()) + 1, step))
    for command in told:
        answers = " || [ $? = 1 ]" if command.text.startswith("polydl compare") else ""
        steps.append((command.line, command.text + answers))
    return "\n".join(["set -euxo pipefail", *(step for _, step in sorted(steps))])
