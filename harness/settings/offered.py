"""What may be written at a place of the configuration: keys below a key, values of a key."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from harness.bounds import choices_of
from harness.measure.budget import MeasureSettings
from harness.methods import GROUPS
from harness.settings.composition import composed
from harness.settings.conversion import Plain
from harness.settings.request import request_from
from harness.settings.schema import ConfigSchema, methods


def keys_below(arguments: Sequence[str], parent: str) -> list[str]:
    """The keys of the mapping at `parent`, with `.` after what holds more and `=` after all else.

    `arguments` say what is configured. Raises SettingsError where they cannot be composed.
    """
    node = _at(_plain(arguments), parent)
    if not isinstance(node, Mapping):
        return []
    return [f"{key}." if isinstance(v, Mapping) and v else f"{key}=" for key, v in node.items()]


def values_of(arguments: Sequence[str], key: str) -> list[str]:
    """The values that a key may have, where they can be listed: names, true and false, entries."""
    if key == "workload.select":
        entries = _plain(arguments)["workload"]["entries"]
        return [str(entry.get("name")) for listed in entries.values() for entry in listed]
    root, *rest = key.split(".")
    if root == "measure":
        return _members(MeasureSettings, rest)
    if root not in GROUPS or len(rest) != 2:
        return _members(ConfigSchema, [root, *rest])
    name, last = rest  # strategy.top_k.ranker; a baseline's `method` says what it is
    own = _at(_plain(arguments), f"{root}.{name}")
    method = own.get("method") if isinstance(own, Mapping) else None
    return _members(methods(root).get(method or name), [last])


def _members(schema: Any, path: Sequence[str]) -> list[str]:
    """Those of the field at a path: of its choices, else of its type."""
    hint = schema
    for part in path:
        known = {one.name: one for one in fields(hint)} if is_dataclass(hint) else {}
        if part not in known:
            return []
        choices = choices_of(known[part])
        if choices:
            return list(choices)
        hint = _inner(get_type_hints(hint)[part])
    if hint is bool:
        return ["true", "false"]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return [member.name for member in hint]
    return [str(name) for name in get_args(hint)] if get_origin(hint) is Literal else []


def _inner(hint: Any) -> Any:
    """What is optional or listed, without that."""
    if get_origin(hint) in (Union, types.UnionType):
        (hint,) = (part for part in get_args(hint) if part is not types.NoneType)
    return get_args(hint)[0] if get_origin(hint) is list else hint


def _plain(arguments: Sequence[str]) -> Plain:
    first, *_ = composed(request_from(arguments), lambda plain: plain)
    return first


def _at(node: Any, key: str) -> Any:
    for part in key.split("."):
        node = node.get(part) if isinstance(node, Mapping) else None
    return node
