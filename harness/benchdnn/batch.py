"""A batch file of benchdnn, with the files it names, as the entries of a workload.

Words stand between blanks; `#` at a word's start comments out the rest of the line, and a word that
ends in a backslash goes on with the next. Options hold for what follows, files named by
`--batch` included, until `--reset` or another value.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.benchdnn.descriptor import problem_of
from harness.benchdnn.entries import Entry, entry_of
from harness.benchdnn.problem import Product
from harness.errors import SettingsError

DRIVERS = ("--conv", "--matmul")
# What an option may say: what is measured here is that and nothing else.
ALLOWED = {
    "--dir": ("FWD_D", "FWD_I"),
    "--dt": ("f32", "f32:f32:f32"),
    "--cfg": ("f32",),
    "--alg": ("DIRECT",),
}
TAGS = ("--stag", "--wtag", "--dtag")
KNOWN = ("--batch=FILE", "--reset", "--mb=N", *DRIVERS, *(f"{o}=" for o in (*ALLOWED, *TAGS)))


def entries_in(path: Path) -> list[Entry]:
    """The problems of a file, in order. SettingsError begins with the file and the line."""
    reader = _Reader()
    reader.read(path, ())
    if not reader.entries:
        raise SettingsError(f"{path}: no problem is in it")
    return reader.entries


@dataclass
class _Reader:
    """What holds at the present line, and the entries so far."""

    entries: list[Entry] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)
    driver: str | None = None
    mb: int = 0  # 0: each problem's own
    tags: dict[str, str] = field(default_factory=dict)

    def read(self, path: Path, within: Sequence[Path]) -> None:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
            raise SettingsError(f"cannot read {path}: {reason}") from error
        for number, word in words(text):
            where = f"{path}:{number}"
            option, _, value = word.partition("=")
            if option == "--batch":
                nested = path.parent / value
                if nested.resolve() in {outer.resolve() for outer in (*within, path)}:
                    raise SettingsError(f"{where}: {word} is being read already")
                try:
                    self.read(nested, (*within, path))
                except SettingsError as error:
                    raise SettingsError(f"{where}: {error}") from error
                continue
            try:
                if word.startswith("-"):
                    self._set(option, value)
                else:
                    self._add(word)
            except SettingsError as error:
                raise SettingsError(f"{where}: {word}: {error}") from error

    def _set(self, option: str, value: str) -> None:
        if option in DRIVERS and not value:
            self.driver, self.tags = option, {}  # each driver has tags of its own
        elif option == "--reset" and not value:
            self.mb, self.tags = 0, {}
        elif option == "--mb":
            if not (value.isascii() and value.isdigit()):
                raise SettingsError("--mb takes one number, or 0 for each problem's own")
            self.mb = int(value)
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
        self.taken.add(str(entry["name"]))


def words(text: str) -> Iterator[tuple[int, str]]:
    """Words with their lines; a continued word has the line that it begins on."""
    begun: tuple[int, str] | None = None
    for number, line in enumerate(text.split("\n"), 1):
        for word in line.split():
            if word.startswith("#"):
                break
            first, text_so_far = begun or (number, "")
            joined = text_so_far + word
            if joined.endswith("\\"):
                begun = (first, joined[:-1])
            else:
                begun = None
                yield first, joined
    if begun is not None and begun[1]:
        yield begun
