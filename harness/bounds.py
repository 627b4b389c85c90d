"""Values as their dataclass declares them: of its types, numbers finite and within its bounds.

    attempts: int = within(3, 1, 1000)
    silent_seconds: float = positive(10.0, DAY)
    tuner: str = one_of("xgb", ("xgb", "random"))

The bounds stand beside the default, and one function holds all values of a dataclass against them.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import Field, dataclass, field, fields, is_dataclass
from enum import Enum
from functools import cache
from math import isfinite
from typing import Any, Union, get_args, get_origin, get_type_hints

from compiler.errors import shown
from harness.errors import SettingsError

DAY = 86400.0  # seconds
_KEY = "bounds"
_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}


@dataclass(frozen=True)
class Bounds:
    """From `least`, which is excluded where it is `open`, to `most`."""

    least: float
    most: float
    open: bool = False

    def refusal(self, value: float) -> str | None:
        """What would be allowed instead; None where the value is."""
        if value < self.least or (self.open and value == self.least):
            return f"must be {'>' if self.open else '>='} {self.least}"
        return f"must be <= {self.most}" if value > self.most else None


@dataclass(frozen=True)
class Choices:
    """Texts of a list, which packages may have added to."""

    known: Callable[[], Iterable[str]]

    def refusal(self, value: str) -> str | None:
        known = list(self.known())
        return None if value in known else f"must be one of {', '.join(known)}"


def within(default: Any, least: float, most: float) -> Any:
    """A field of numbers from `least` to `most`; those of its list or mapping, if it is one."""
    return field(default=default, metadata={_KEY: Bounds(least, most)})


def positive(default: Any, most: float) -> Any:
    """A field of numbers above zero, up to `most`."""
    return field(default=default, metadata={_KEY: Bounds(0, most, open=True)})


def one_of(default: Any, known: Iterable[str] | Callable[[], Iterable[str]]) -> Any:
    """A field of one of these texts; of several of them, where it is a list."""
    return field(
        default=default, metadata={_KEY: Choices(known if callable(known) else lambda: known)}
    )


def choices_of(one: Field[Any]) -> tuple[str, ...]:
    """The texts that a field of `one_of` may have, none of any other."""
    bounds = one.metadata.get(_KEY)
    return tuple(bounds.known()) if isinstance(bounds, Choices) else ()


def allowed_of(one: Field[Any]) -> str:
    """What a field's bounds allow, in words; empty where it has none."""
    bounds = one.metadata.get(_KEY)
    if isinstance(bounds, Choices):
        return ", ".join(bounds.known())
    if bounds is None:
        return ""
    least, most = (f"{int(x):,}" if x == int(x) else f"{x:g}" for x in (bounds.least, bounds.most))
    return f"{'above' if bounds.open else 'from'} {least} to {most}"


def check_values(where: str, schema: type, values: Mapping[str, Any]) -> None:
    """Refuse, by SettingsError, the first value that `schema` does not allow or that is missing.

    `values` are plain data by the schema's field names; what it does not name is let alone.
    """
    hints = _hints(schema)
    for one in fields(schema):
        name = f"{where}.{one.name}" if where else one.name
        if one.name not in values:
            raise SettingsError(f"{name} is missing; set it to a value")
        _check(name, hints[one.name], one.metadata.get(_KEY), values[one.name])


@cache
def _hints(schema: type) -> Mapping[str, Any]:
    return get_type_hints(schema)


def _check(where: str, hint: Any, bounds: Bounds | Choices | None, value: Any) -> None:
    kind, inner = get_origin(hint) or hint, get_args(hint)
    if kind in (Union, types.UnionType):
        if value is not None:
            (only,) = (part for part in inner if part is not types.NoneType)
            _check(where, only, bounds, value)
    elif is_dataclass(kind) and isinstance(kind, type):
        _refuse_unless(isinstance(value, Mapping), where, "a mapping", value)
        check_values(where, kind, value)
    elif kind is dict:
        _refuse_unless(isinstance(value, Mapping), where, "a mapping", value)
        for key, part in value.items():
            _check(f"{where}.{key}", inner[1], bounds, part)
    elif kind is list:
        _refuse_unless(isinstance(value, list), where, "a list", value)
        for part in value:
            _check(where, inner[0], bounds, part)
    elif isinstance(kind, type) and issubclass(kind, Enum):
        known = [member.name for member in kind]
        _refuse_unless(value in known, where, f"one of {', '.join(known)}", value)
    elif kind in _WORDS:
        fits = type(value) is kind or (kind is float and type(value) is int)
        _refuse_unless(fits, where, _WORDS[kind], value)
        if isinstance(value, float) and not isfinite(value):
            raise SettingsError(f"{where} must be finite, got {shown(value)}")
        refusal = bounds.refusal(value) if bounds is not None else None
        if refusal is not None:
            raise SettingsError(f"{where} {refusal}, got {shown(value)}")


def _refuse_unless(fits: bool, where: str, wanted: str, value: Any) -> None:
    if not fits:
        raise SettingsError(f"{where} must be {wanted}, got {shown(value)}")
