"""A method's options: one frozen dataclass declares them, all else follows from it.

    @dataclass(frozen=True)
    class TopKOptions:
        ranker: str = one_of("roofline", known_rankings)
        k: int = within(8, 1, 100_000)

Defaults stand there alone. What the configuration takes (`schema_of`), what is checked and the
value that the method gets (`options_from`) are derived. Types are those of JSON, a list's is
`tuple[X, ...]`. A field whose key is no name in Python says so: `keyed("from", None)`.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from types import GenericAlias
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from compiler.errors import shown
from harness.bounds import check_values
from harness.errors import SettingsError
from harness.nearest import listed

_KEY = "key"
Options = TypeVar("Options")


@dataclass(frozen=True)
class NoOptions:
    """Of a method that has none."""


def keyed(key: str, default: Any) -> Any:
    """A field that is called `key` in the configuration and in records."""
    return field(default=default, metadata={_KEY: key})


@cache
def schema_of(options: Hashable) -> type:
    """The same as Hydra takes it: a mutable dataclass, tuples as lists, keys as users write them.

    `label` names the contender in records; `method` says which one this is, where the option has
    another name, so that one may run twice with other settings.
    """
    assert isinstance(options, type)
    hints = get_type_hints(options)
    kinds: dict[str, Any] = {"label": str, "method": str}
    values: dict[str, Any] = {"label": "", "method": ""}
    for one in fields(options):
        kind, key = hints[one.name], key_of(one)
        if get_origin(kind) is tuple:
            kinds[key] = GenericAlias(list, get_args(kind)[:1])
            held = list(cast(tuple[Any, ...], one.default))
            values[key] = field(default_factory=held.copy, metadata=one.metadata)
        else:
            kinds[key] = kind
            values[key] = field(default=one.default, metadata=one.metadata)
    made = type(options.__name__, (), {"__annotations__": kinds, **values})
    # `from` could be no parameter of an __init__, and nobody makes one.
    return dataclass(init=False, repr=False, eq=False)(made)


def options_from(options: type[Options], values: Mapping[str, Any], where: str) -> Options:
    """The frozen value; what is not named has its default. SettingsError begins with `where`."""
    known = {key_of(one): one for one in fields(cast(Any, options))}
    for key in values:
        if key not in known:
            told = f"{where}: unknown key '{shown(key, 40)}'; {listed(key, known)}"
            raise SettingsError(told)
    held = {key: _as_list(values.get(key, one.default)) for key, one in known.items()}
    check_values(where, schema_of(cast(Hashable, options)), {"label": "", "method": "", **held})
    try:
        return options(**{one.name: _frozen(held[key]) for key, one in known.items()})
    except SettingsError as error:  # of values that are right alone, but not together
        raise SettingsError(f"{where}: {error}") from error


def plain(options: object) -> dict[str, Any]:
    """The options as JSON holds them, by the keys that users write."""
    return {key_of(one): _as_list(getattr(options, one.name)) for one in fields(cast(Any, options))}


def key_of(one: Any) -> str:
    return str(one.metadata.get(_KEY, one.name))


def _as_list(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
