"""What may be a name: it ends up as a YAML key, an override, a Python word and a C variable."""

from __future__ import annotations

import keyword
import re

from compiler.errors import ProblemError

FUNCTIONS = ("max", "min", "exp", "sqrt", "tanh", "erf", "abs")
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
LONGEST = 64
PLACES = ("tile", "root")  # where statements and buffers are, in schedules: no loop
_YAML_WORDS = {"on", "off", "yes", "no", "true", "false", "null", "nan", "inf"}
_C_WORDS = (
    "alignas alignof asm auto bool break case char complex const constexpr continue default do "
    "double else enum extern float for goto if imaginary inline int long main nullptr register "
    "restrict return short signed sizeof static static_assert struct switch thread_local typedef "
    "typeof union unsigned void volatile while"
)


def checked_label(name: object, where: str) -> str:
    """`name` when it may name an entry of the configuration, which C never sees."""
    if not isinstance(name, str):
        raise ProblemError(
            f"{where}: {name!r} is no identifier (YAML reads on, off, yes, no as booleans)"
        )
    if not IDENTIFIER.match(name):
        raise ProblemError(f"{where}: {name!r} is no identifier ([A-Za-z_][A-Za-z0-9_]*)")
    if len(name) > LONGEST:
        raise ProblemError(f"{where}: the name {name[:20]}... has over {LONGEST} characters")
    if name.lower() in _YAML_WORDS:
        raise ProblemError(f"{where}: '{name}' may not be a name, YAML reads it as a value")
    return name


def checked_name(name: object, where: str) -> str:
    """`name` when it may name a size, loop, tensor or primitive; else a ProblemError."""
    name = checked_label(name, where)
    if name in _C_WORDS.split() or keyword.iskeyword(name):
        raise ProblemError(f"{where}: '{name}' may not be a name, it is a keyword of C or Python")
    if name in FUNCTIONS:
        raise ProblemError(f"{where}: '{name}' may not be a name, it is a function")
    if name.startswith(("__", "polydl_")):
        raise ProblemError(f"{where}: '{name}' may not be a name, its prefix is reserved")
    return name
