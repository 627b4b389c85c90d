"""A batch file of benchdnn, with the files it names, as the entries of a workload.

Words stand between blanks; `#` at a word's start comments out the rest of the line, and a word that
ends in a backslash goes on with the next. Options hold for what follows, files named by
`--batch` included, until `--reset` or another value. Files may name each other, but neither in a
circle nor without end: all the words that are read, again and again, are counted.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from compiler.errors import shown
from harness.benchdnn.descriptor import problem_of
from harness.benchdnn.entries import Entry, entry_of
from harness.benchdnn.problem import Product
from harness.benchdnn.whole import whole
from harness.errors import HarnessError, SettingsError
from harness.outside import path_of, read_text

DRIVERS = ("--conv", "--matmul")
# What an option may say: what is measured here is that and nothing else.
ALLOWED = {
    "--dir": ("FWD_D", "FWD_I"),
    "--dt": ("f32", "f32:f32:f32"),
    "--cfg": ("f32",),
    "--alg": ("DIRECT",),
}
TAGS = ("--stag", "--wtag", "--dtag")
MOST_WORDS = 200_000  # options and problems in a file with all that it names ...
MOST_FILES = 1000  # ... and as many files, one as often as it is named
DEEPEST = 20  # files that name each other
KNOWN = ("--batch=FILE", "--reset", "--mb=N", *DRIVERS, *(f"{o}=" for o in (*ALLOWED, *TAGS)))


def entries_in(path: Path) -> list[Entry]:
    """The problems of a file, in order.

    SettingsError begins with the file and the line; Unreadable where there is no such file.
    """
    reader = _Reader()
    reader.read(path_of(path), ())
    if not reader.entries:
        raise SettingsError(f"{path}: no problem is in it")
    return reader.entries


@dataclass
class _Reader:
    """What holds at the present line, and the entries so far."""

    entries: list[Entry] = field(default_factory=list)
    taken: dict[str, int] = field(default_factory=dict)
    words: int = 0
    nested: int = 0
    driver: str | None = None
    mb: int = 0  # 0: each problem's own
    tags: dict[str, str] = field(default_factory=dict)

    def read(self, path: Path, within: Sequence[Path]) -> None:
        for number, word in words(read_text(path)):
            where = f"{path}:{number}"
            self.words += 1
            if self.words > MOST_WORDS:
                raise SettingsError(f"{where}: more than {MOST_WORDS} words have been read")
            option, _, value = word.partition("=")
            if option == "--batch":
                self._nest(path.parent / value, (*within, path), where, word)
                continue
            try:
                if word.startswith("-"):
                    self._set(option, value)
                else:
                    self._add(word)
            except SettingsError as error:
                raise SettingsError(f"{where}: {shown(word)}: {error}") from error

    def _nest(self, nested: Path, within: Sequence[Path], where: str, option: str) -> None:
        """Read a file that the last of `within` names."""
        self.nested += 1
        if self.nested > MOST_FILES:
            raise SettingsError(f"{where}: more than {MOST_FILES} files have been read")
        if len(within) > DEEPEST:
            raise SettingsError(f"{where}: files name each other more than {DEEPEST} deep")
        with suppress(OSError, ValueError):  # reading it says why
            if any(os.path.samefile(nested, outer) for outer in within):
                raise SettingsError(f"{where}: {shown(option)} is being read already")
        try:
            self.read(nested, within)
        except HarnessError as error:
            raise SettingsError(f"{where}: {error}") from error

    def _set(self, option: str, value: str) -> None:
        if option in DRIVERS and not value:
            self.driver, self.tags = option, {}  # each driver has tags of its own
        elif option == "--reset" and not value:
            self.mb, self.tags = 0, {}
        elif option == "--mb":
            if not (value.isascii() and value.isdigit()):
                raise SettingsError("--mb takes one number, or 0 for each problem's own")
            self.mb = whole(value)
        elif option in TAGS:
            self.tags[option] = value
        elif option in ALLOWED:
            if value.casefold() not in [known.casefold() for known in ALLOWED[option]]:
                raise SettingsError(f"{option} must be {' or '.join(ALLOWED[option])}")
        else:
            raise SettingsError(f"unknown option; known: {', '.join(KNOWN)}")

    def _add(self, word: str) -> None:
        problem = problem_of(word, self.mb)
        driver = "--matmul" if isinstance(problem, Product) else "--conv"
        if self.driver not in (None, driver):
            raise SettingsError(f"this is a problem of {driver}, and {self.driver} was asked for")
        if self.mb and driver == "--matmul":
            raise SettingsError("--mb is no option of --matmul; end it with --reset")
        entry = entry_of(problem, len(self.entries) + 1, self.taken)
        for option, wanted in zip(TAGS, problem.tags, strict=True):
            given = self.tags.get(option, wanted)
            if given not in (wanted, wanted.removesuffix("x")):
                raise SettingsError(f"{option} must be {wanted} for this problem, got {given}")
        self.entries.append(entry)


def words(text: str) -> Iterator[tuple[int, str]]:
    """Words with their lines; a continued word has the line that it begins on."""
    first, pieces = 0, list[str]()
    for number, line in enumerate(text.split("\n"), 1):
        for word in line.split():
            if word.startswith("#"):
                break
            first = first if pieces else number
            pieces.append(word.removesuffix("\\"))
            if not word.endswith("\\"):
                yield first, "".join(pieces)
                pieces = []
    if any(pieces):
        yield first, "".join(pieces)
