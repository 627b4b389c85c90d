"""What may stand after a command, as the fields of a dataclass of that command.

    port: int | None = option("port", "where the server listens", kind=int, least=1, most=65535)

Parsing, help, completion and docs/reference/commands.md all come from these fields. Nothing heavy
is imported here.
"""

from __future__ import annotations

import re
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, Literal

from compiler.errors import shown
from harness.errors import SettingsError

Completed = Literal["", "campaign", "trial", "file", "folder", "environment", "command"]
_KEY = "word"
_WHOLE = re.compile(r"-?[0-9]{1,18}")
_NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?(e-?[0-9]{1,2})?")


@dataclass(frozen=True)
class Word:
    """One argument (CAMPAIGN), option (port=5000) or flag (--yes)."""

    names: tuple[str, ...]  # as written; flags may have several
    help: str
    form: Literal["argument", "option", "flag"]
    count: Literal["1", "?", "*", "+"] = "1"  # of an argument, as argparse has it
    kind: type = str  # str, int, float or bool
    choices: tuple[str, ...] = ()
    least: float = 0
    most: float = 0
    value: str = ""  # what stands for a flag's value in the help; empty where it takes none
    bare: str | None = None  # a flag's value where it is given without one
    completed: Completed = ""
    default: Any = None

    @property
    def name(self) -> str:
        return self.names[0]

    @property
    def values(self) -> str:
        """What may be given, in a word: text|json, a placeholder."""
        if self.choices:
            return "|".join(self.choices)
        if self.kind is bool:
            return "true|false"
        return self.value or ("NUMBER" if self.kind in (int, float) else "TEXT")

    @property
    def written(self) -> str:
        """As it stands in the help: CAMPAIGN, port=NUMBER, --config-dir DIR."""
        if self.form == "option":
            return f"{self.name}={self.values}"
        if self.form == "flag":
            names = ", ".join(self.names)
            return f"{names} {self.values}" if self.takes_value else names
        return self.name

    @property
    def usage(self) -> str:
        """As it stands in the usage line, with brackets where it may be left out."""
        if self.form == "argument":
            several = f"[{self.name}...]"
            forms = {"?": f"[{self.name}]", "*": several, "+": f"{self.name} {several}"}
            return forms.get(self.count, self.name)
        if self.form == "flag" and self.takes_value:
            return f"[{self.name} {self.values}]"
        written = self.name if self.form == "flag" else self.written
        return written if self.required else f"[{written}]"

    @property
    def takes_value(self) -> bool:
        return self.form != "flag" or bool(self.value or self.choices)

    @property
    def required(self) -> bool:
        return self.default is MISSING

    @property
    def told(self) -> str:
        """The help, with the bounds and the default."""
        parts = [self.help]
        if self.form == "argument" and self.choices:
            parts.append(f"one of {', '.join(self.choices)}")
        if self.kind in (int, float):
            parts.append(self._bounds)
        if self.form == "option" and self.required:
            parts.append("needed")
        elif self.form == "option" and self.default not in (None, "", MISSING):
            default = str(self.default).lower() if self.kind is bool else self.default
            parts.append(f"default {default}")
        return "; ".join(parts)

    def read(self, text: str) -> Any:
        """The value of a text. Raises SettingsError that says what is allowed."""
        if not text:
            raise SettingsError(f"{self.name} needs a value")
        if self.kind is bool:
            return self._one_of(text, ("true", "false")) == "true"
        if self.kind in (int, float):
            form = _WHOLE if self.kind is int else _NUMBER
            if form.fullmatch(text) is None or not self.least <= self.kind(text) <= self.most:
                told = f"{self.name} must be a number {self._bounds}, got {shown(text)}"
                raise SettingsError(told)
            return self.kind(text)
        return self._one_of(text, self.choices) if self.choices else text

    @property
    def _bounds(self) -> str:
        return f"from {self.least:.10g} to {self.most:.10g}"

    def _one_of(self, text: str, allowed: tuple[str, ...]) -> str:
        if text not in allowed:
            listed = ", ".join(allowed)
            raise SettingsError(f"{self.name} must be one of {listed}, got {shown(text)}")
        return text


def argument(
    name: str,
    help: str,
    count: Literal["1", "?", "*", "+"] = "1",
    choices: tuple[str, ...] = (),
    completed: Completed = "",
) -> Any:
    """A bare word; the field is a tuple where `count` allows several, None where it is left out."""
    default = {"1": MISSING, "+": MISSING, "?": None, "*": ()}[count]
    word = Word((name,), help, "argument", count, choices=choices, completed=completed)
    return _field(word, default)


def option(name: str, help: str, default: Any = None, **more: Any) -> Any:
    """`name=value`; MISSING as the default makes it required. `more` are fields of Word."""
    return _field(Word((name,), help, "option", **more), default)


def flag(*names: str, help: str, **more: Any) -> Any:
    """`--name`, or `--name VALUE` where `value` or `choices` are given; the long name first."""
    word = Word(names, help, "flag", **more)
    return _field(word, None if word.takes_value else False)


def words_of(asked: type) -> dict[str, Word]:
    """The words that a command takes, by field."""
    return {one.name: one.metadata[_KEY] for one in fields(asked) if _KEY in one.metadata}


def _field(word: Word, default: Any) -> Field[Any]:
    held = Word(**{**vars(word), "default": default})
    made: Field[Any] = field(default=default, metadata={_KEY: held})
    return made
