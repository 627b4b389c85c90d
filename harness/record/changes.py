"""What differs between two recorded configurations, value by value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from harness.record.configuration import Document

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
    "numerics",
)
# Keys that older campaigns lack, as they were.
LATER: Document = {"numerics": [], "workload": {"dimensions": {}}}

Change = tuple[str, str, str]  # name, before, now


def changed_values(before: Sequence[Document], now: Sequence[Document]) -> tuple[Change, ...]:
    """Values that say what is measured and differ; of a sweep, where any combination differs."""
    if len(before) != len(now):
        return (("combinations", str(len(before)), str(len(now))),)
    found: dict[Change, None] = {}
    for one, other in zip(before, now, strict=True):
        if one != other:
            found |= dict.fromkeys(differing(_deciding(one), _deciding(other)))
    return tuple(found)


def differing(before: Mapping[str, Any], now: Mapping[str, Any], of: str = "") -> Iterator[Change]:
    """Values of nested mappings that are not equal, by their dotted names."""
    for key in _keys(before, now):
        one, other = before.get(key), now.get(key)
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            yield from differing(one, other, f"{of}{key}.")
        elif one != other:
            yield f"{of}{key}", _short(one), _short(other)


def _deciding(document: Document) -> dict[str, Any]:
    held = {**LATER, **document}
    for key, later in LATER.items():
        if isinstance(later, Mapping) and isinstance(held[key], Mapping):
            held[key] = {**later, **held[key]}
    return {key: held.get(key) for key in DECIDING}


def _keys(*mappings: Mapping[str, Any]) -> Iterable[str]:
    return dict.fromkeys(key for mapping in mappings for key in mapping)


def _short(value: object) -> str:
    if isinstance(value, Mapping):
        return "set"
    text = "none" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:40]}..."
