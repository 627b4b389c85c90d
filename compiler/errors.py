"""The compiler's exceptions, and how a value stands in a message.

A message says where, what, the value, and what is allowed, in one line of `LONGEST` characters at
most. Whatever the value was, the line is safe to print: no character of it acts on a terminal.
"""

from __future__ import annotations

LONGEST = 300  # characters of a message
_CUT = " ... "


class CompilerError(Exception):
    """Root of everything the compiler refuses."""

    def __str__(self) -> str:
        return message(super().__str__())


class ProblemError(CompilerError):
    """A primitive, a size or an architecture that cannot be understood."""


class ScheduleError(CompilerError):
    """A schedule that does not parse, does not fit its problem, or breaks a dependence."""


def shown(value: object, most: int = 80) -> str:
    """A value as it stands in a message: never empty, never longer than `most` characters.

    A text stands without quotes and an exception as its reason; all else as Python writes it.
    What does not print (controls, escapes, directions, lone surrogates) is escaped.

    >>> shown("a\\x1b[31m"), shown(""), shown(OSError(2, "No such file")), shown(7**10000)
    ('a\\\\x1b[31m', "''", 'No such file', 'an integer of 28074 bits')
    """
    return _printable(_text(value, most), most) or "''"


def message(text: str) -> str:
    """The text of a whole message: one line, `LONGEST` characters at most, no reason left empty."""
    line = _printable(text.strip(), LONGEST)
    if line.endswith(":"):
        return _printable(f"{line} no reason was given", LONGEST)
    return line or "no reason was given"


def printable(text: str, kept: str = "") -> str:
    """The text with what does not print escaped, but for the characters `kept`."""
    if text.translate(dict.fromkeys(map(ord, kept))).isprintable():
        return text
    return "".join(
        char if char.isprintable() or char in kept else char.encode("unicode_escape").decode()
        for char in text
    )


def _text(value: object, most: int) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, OSError) and value.strerror:
        return value.strerror
    if isinstance(value, BaseException):
        return str(value).strip() or type(value).__name__
    if isinstance(value, int) and value.bit_length() > 3 * most:  # a digit has 3.3 bits
        return f"an integer of {value.bit_length()} bits"
    try:
        return str(value) if hasattr(value, "__fspath__") else repr(value)
    except (ValueError, RecursionError):  # integers of thousands of digits, or nests, in it
        return f"a {type(value).__name__} that is too large to be shown"


def _printable(text: str, most: int) -> str:
    """Escaped and, where it is too long, cut in the middle: both ends say something."""
    kept = _cut(text, most)  # first, or a text of megabytes would be escaped for nothing
    return _cut(printable(kept), most)


def _cut(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    tail = (most - len(_CUT)) // 2
    return text[: most - len(_CUT) - tail] + _CUT + text[len(text) - tail :]
