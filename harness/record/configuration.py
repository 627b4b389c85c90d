"""campaign.yaml: the command, then the configuration of each combination of a sweep.

The command is a document of its own, one line of JSON: whatever stands in an argument is data.
(Until 0.2.0 it stood behind a `#`.) The first configuration stands in full. Each of the others is
one line of JSON with those of its top-level keys that differ from the first, so that thousands are
written and read in seconds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from compiler.errors import shown
from harness.errors import RecordError
from harness.outside import json_of, yaml_of
from harness.record.typed import content, converted

Document = Mapping[str, Any]

MOST_NODES = 5_000_000  # of YAML: a batch of 66,000 problems has 2 million
COMMAND = "command"  # the key of the document that a file begins with
_BETWEEN = re.compile(r"^---\n", re.MULTILINE)


def configuration_text(documents: Sequence[Document], command: Sequence[str]) -> str:
    """The file's text, of resolved configurations as plain data."""
    first, *others = map(dict, documents)
    header = json.dumps({COMMAND: ["polydl", *command]})
    parts = [f"{header}\n---\n", yaml.safe_dump(first, sort_keys=False)]
    for other in others:
        own = {key: value for key, value in other.items() if value != first.get(key)}
        parts.append(f"---\n{json.dumps(own)}\n")
    return "".join(parts)


def documents_in(file: Path) -> list[dict[str, Any]]:
    """The configurations that a campaign.yaml holds, each in full. Raises RecordError."""
    held = content(file)
    if held is None:
        raise RecordError(f"{shown(file, 120)}: cannot be read as YAML: there is no such file")
    try:
        return documents_of(held.decode())
    except ValueError as fault:
        raise RecordError(f"{shown(file, 120)}: cannot be read as YAML: {shown(fault)}") from fault


def documents_of(text: str) -> list[dict[str, Any]]:
    """The configurations in the text of a campaign.yaml; what they share is shared. ValueError."""
    found: list[dict[str, Any]] = []
    for part in _BETWEEN.split(text):
        held = json_of(part) if part.startswith("{") else yaml_of(part, MOST_NODES)
        if isinstance(held, dict) and not found and held.keys() == {COMMAND}:
            continue
        json.dumps(held, ensure_ascii=False, default=str).encode()  # no lone surrogate
        if isinstance(held, dict):
            found.append({**(found[0] if found else {}), **held})
        elif held is not None:
            raise ValueError(f"expected a mapping, got {shown(held)}")
    return found


@dataclass(frozen=True)
class Tracking:
    """Where a campaign was tracked, as far as that was said."""

    uri: str | None = None
    experiment: str | None = None


def recorded_tracking(file: Path) -> Tracking:
    """That of the first configuration in a campaign.yaml. Raises RecordError."""
    first = next(iter(documents_in(file)), {})
    held = first.get("tracking") or {}
    return converted(held, Tracking, f"{shown(file, 120)}: tracking")
