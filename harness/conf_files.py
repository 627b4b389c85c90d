"""The files of conf/ as they lie there: its groups, their options, what config.yaml says of a key.

Read without Hydra, which takes half a second to import: help and completion answer at once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.methods import method_names

_INSIDE = Path(__file__).resolve().with_name("conf")  # where setup.py puts it in a wheel
INSTALLED = _INSIDE.is_dir()  # from a wheel, or else this is a checkout
CONF = _INSIDE if INSTALLED else _INSIDE.parents[1] / "conf"
_GROUP = re.compile(r"  - (?P<key>\w+): (?P<default>.*?) +# (?P<meaning>.*)")
_VALUE = re.compile(r"(?P<inside>  )?(?P<key>\w+): (?P<default>.*?) +# (?P<meaning>.*)")
_PARENT = re.compile(r"(?P<key>\w+):")
_MORE = re.compile(r"# {2,}(?P<meaning>.*)")  # the comment of the line above goes on


@dataclass(frozen=True)
class Key:
    """One line of conf/config.yaml: a group of files, or a value of its own."""

    name: str
    default: str
    meaning: str
    is_group: bool


def keys() -> tuple[Key, ...]:
    """Groups and values in the file's order, `campaign.name` for what stands below `campaign`."""
    found: list[Key] = []
    parent = ""
    for line in (CONF / "config.yaml").read_text().splitlines():
        group, value, more = (form.fullmatch(line) for form in (_GROUP, _VALUE, _MORE))
        if opened := _PARENT.fullmatch(line):
            parent = opened["key"]
        elif parent == "defaults" and group:
            found.append(Key(group["key"], group["default"], group["meaning"], True))
        elif more and found:
            last = found.pop()
            found.append(replace(last, meaning=f"{last.meaning} {more['meaning']}"))
        elif value and not (value["inside"] and parent == "hydra"):
            name = f"{parent}.{value['key']}" if value["inside"] else value["key"]
            found.append(Key(name, value["default"], value["meaning"], False))
    return tuple(found)


def options(group: str, more: Sequence[Path] = ()) -> tuple[str, ...]:
    """What a group may be: its files, in conf/ and in folders of the user's, and methods' names."""
    folders = [folder / group for folder in (CONF, *more)]
    files = {file.stem for folder in folders for file in folder.glob("*.yaml")}
    return tuple(sorted({*files, *method_names(group)}))


def stamp() -> tuple[tuple[str, int, int], ...]:
    """Name, size and time of the last change of every file of conf/: another after an edit."""
    files = ((file, file.stat()) for file in sorted(CONF.rglob("*.yaml")))
    return tuple((str(file), about.st_size, about.st_mtime_ns) for file, about in files)
