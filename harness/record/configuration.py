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
from pathlib import Path
from typing import Any

import yaml

from harness.errors import RecordError

Document = Mapping[str, Any]

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
    try:
        return documents_of(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as fault:
        raise RecordError(f"{file}: cannot be read as YAML") from fault


def documents_of(text: str) -> list[dict[str, Any]]:
    """The configurations in the text of a campaign.yaml; what they share is shared."""
    found: list[dict[str, Any]] = []
    for part in _BETWEEN.split(text):
        held = json.loads(part) if part.startswith("{") else yaml.safe_load(part)
        if isinstance(held, dict) and not found and held.keys() == {COMMAND}:
            continue
        if isinstance(held, dict):
            found.append({**(found[0] if found else {}), **held})
        elif held is not None:
            raise ValueError(f"expected a mapping, got {held!r}")
    return found
