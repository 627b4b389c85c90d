"""docs/reference/configuration.md, from the schema: `make docs` writes it, a test compares it.

Types, defaults and bounds are those of the dataclasses; what a key means is the comment beside its
field, or the one above it.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from harness.bounds import allowed_of
from harness.conf_files import keys
from harness.measure.budget import MeasureSettings
from harness.methods import BASELINES, STRATEGIES, TWIN
from harness.options import key_of
from harness.settings import schema

HEAD = """\
# Configuration

Made by `make docs` from the schema: every key, with its type, its default and what is allowed.
Each is set on the command line as `key=value`, or in a file of [conf/](../../conf/) or of your own
folder (`--config-dir DIR`); any other key is refused, with the nearest one. The groups, and keys of
no group, stand in [commands.md](commands.md#configuration); `polydl run --cfg job OVERRIDES` prints
what comes of a choice.
"""
_WORDS = {int: "whole number", float: "number", bool: "true, false", str: "text", dict: "mapping"}
_OWN = {"strategy": STRATEGIES, "baseline": {**BASELINES, TWIN: ""}}
_ABOUT = {
    "architecture": "The machine that code is generated for; `null`: as detected, or its file.",
    "caches": "Below `architecture.caches.L1`, `L2` and `L3`.",
    "workload": "Which problems, from lists.",
    "measure": "How long and how carefully; times are in seconds.",
    "cluster": "Where it runs.",
    "tracking": "Which store shows it.",
    "campaign": "The folder, and how it is gone on with.",
}


def reference() -> str:
    """The whole text."""
    lines = [HEAD]
    parts = {
        "architecture": schema.ArchitectureSchema,
        "caches": schema.CacheSchema,
        "workload": schema.WorkloadSchema,
        "measure": MeasureSettings,
        "cluster": schema.ClusterSchema,
        "tracking": schema.TrackingSchema,
        "campaign": schema.CampaignSchema,
    }
    for name, kind in parts.items():
        prefix = "architecture.caches.L1" if name == "caches" else name
        lines += [f"## {name}", _ABOUT[name], "", *_table(prefix, kind), ""]
    for group, own in _OWN.items():
        lines += [f"## {group}", f"`{group}.NAME.label=TEXT` names it in records.", ""]
        for name, options in sorted(schema.methods(group).items()):
            if name in own and fields(options):
                lines += [f"### {name}", *_table(f"{group}.{name}", options), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _table(prefix: str, kind: type) -> Iterator[str]:
    hints, told = get_type_hints(kind), comments(kind)
    meanings = {key.name: key.meaning for key in keys()}
    yield "| key | type | default | allowed | meaning |"
    yield "| --- | --- | --- | --- | --- |"
    for one in fields(kind):
        key = f"{prefix}.{key_of(one)}"
        cells = (
            f"`{key}`",
            _type(hints[one.name]),
            _default(one),
            allowed_of(one),
            told.get(one.name) or meanings.get(key, ""),
        )
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def comments(kind: type) -> Mapping[str, str]:
    """What stands beside or above each field in its dataclass, in one line."""
    found: dict[str, str] = {}
    above: list[str] = []
    classes = [one for one in reversed(kind.__mro__) if is_dataclass(one)]
    for line in "".join(map(inspect.getsource, classes)).splitlines():
        comment = re.fullmatch(r"\s+# (.*)", line)
        declared = re.match(r"    (\w+): (?:[^#]*)(?:# (.*))?$", line)
        if comment:
            above.append(comment[1])
        elif declared:
            found[declared[1]] = " ".join([*above, *filter(None, [declared[2]])])
            above = []
        else:
            above = []
    return found


def _type(hint: Any) -> str:
    """In words; `null` where it may be left open."""
    if get_origin(hint) in (Union, UnionType):
        return " or ".join(_type(part) for part in get_args(hint))
    if get_origin(hint) is Literal:
        return ", ".join(map(str, get_args(hint)))
    if get_origin(hint) in (list, tuple):
        return f"list ({_type(get_args(hint)[0])})"
    if hint is NoneType:
        return "null"
    if isinstance(hint, type) and issubclass(hint, Enum):
        return ", ".join(str(member.value) for member in hint)
    return _WORDS.get(get_origin(hint) or hint, "any")


def _default(one: Field[Any]) -> str:
    value = one.default
    if value is MISSING:
        return "" if one.default_factory is MISSING else _shown(one.default_factory())
    return _shown(value)


def _shown(value: object) -> str:
    if isinstance(value, Enum):
        return f"`{value.value}`"
    if isinstance(value, bool) or value is None:
        return f"`{str(value).lower() if value is not None else 'null'}`"
    if isinstance(value, tuple | list):
        return f"`[{','.join(map(str, value))}]`"
    return "" if isinstance(value, dict) or value == "" else f"`{value}`"


if __name__ == "__main__":
    sys.stdout.write(reference())
