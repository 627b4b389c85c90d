"""What a campaign was recorded under, and what is different when it is resumed."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import compiler
import harness
from harness.measure.host import git_commit, versions
from harness.record.configuration import Document
from harness.record.rows import StartRow

SOURCES = ("*.py", "*.c", "*.cpp", "*.h", "*.json")
# Top-level keys that say what is measured; the others say where, and how it is shown.
DECIDING = (
    "architecture",
    "primitive",
    "primitives",
    "workload",
    "strategy",
    "baseline",
    "measure",
    "threads",
    "seed",
)
SHOWN = 4  # changes that are told one by one


def start_now(command: Sequence[str], moment: str, nodes: Mapping[str, str]) -> StartRow:
    """What is recorded of a driver's start; `nodes` gives the compiler by fingerprint."""
    return {
        "started": moment,
        "command": shlex.join(["polydl", *command]),
        "code": code_id(),
        "git_commit": git_commit(),
        "versions": versions(),
        "nodes": dict(nodes),
    }


@lru_cache(maxsize=1)
def code_id() -> str:
    """16 hexadecimal digits of the content of every source file, as this process found it."""
    digest = hashlib.sha256()
    for package in (compiler, harness):
        root = Path(str(package.__file__)).parent
        for file in sorted(file for kind in SOURCES for file in root.rglob(kind)):
            digest.update(f"{package.__name__}/{file.relative_to(root)}\n".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def changed_code(starts: Sequence[StartRow]) -> list[str]:
    """The code and the versions against those of the last start; nothing where none is known."""
    if not starts:
        return []
    last = starts[-1]
    told = []
    if last["code"] != code_id():
        before, now = last["git_commit"], git_commit()
        if before == now:
            before, now = last["code"], code_id()
        told.append(f"code: {before} -> {now}")
    return told + _differences(last["versions"], versions())


def changed_nodes(starts: Sequence[StartRow], nodes: Mapping[str, str]) -> list[str]:
    """Kinds of nodes that the campaign has not been on, or that have another compiler now."""
    known: dict[str, str] = {}
    for start in starts:
        known |= start["nodes"]
    if not known:
        return []
    told = []
    for fingerprint, now in nodes.items():
        if fingerprint not in known:
            told.append(f"host: {', '.join(known)} -> {fingerprint}")
        elif known[fingerprint] != now:
            told.append(f"C compiler: {known[fingerprint]} -> {now}")
    return told


def changed_configuration(before: Sequence[Document], now: Sequence[Document]) -> list[str]:
    """Values that say what is measured and differ; of a sweep, where any combination differs."""
    if not before:
        return []
    if len(before) != len(now):
        return [f"combinations: {len(before)} -> {len(now)}"]
    told: dict[str, None] = {}
    for one, other in zip(before, now, strict=True):
        if one != other:
            told |= dict.fromkeys(_differences(_deciding(one), _deciding(other)))
    return list(told)


def in_short(changes: Sequence[str]) -> str:
    more = f"; and {len(changes) - SHOWN} more" if len(changes) > SHOWN else ""
    return "; ".join(changes[:SHOWN]) + more


def _deciding(document: Document) -> dict[str, Any]:
    return {key: document.get(key) for key in DECIDING}


def _differences(before: Mapping[str, Any], now: Mapping[str, Any], of: str = "") -> list[str]:
    told: list[str] = []
    for key in _keys(before, now):
        one, other = before.get(key), now.get(key)
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            told += _differences(one, other, f"{of}{key}.")
        elif one != other:
            told.append(f"{of}{key}: {_short(one)} -> {_short(other)}")
    return told


def _keys(*mappings: Mapping[str, Any]) -> Iterable[str]:
    return dict.fromkeys(key for mapping in mappings for key in mapping)


def _short(value: object) -> str:
    if isinstance(value, Mapping):
        return "set"
    text = "none" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:40]}..."
