"""What a script here found, as a JSON file that tables and claims read, with when and where."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.measure.host import host_facts

FACTS = ("cpu", "git_commit")


def write_found(file: Path, found: Mapping[str, Any]) -> None:
    """The processor's name is what claims hold against their host."""
    facts = host_facts()
    told = {name: str(facts[name]) for name in FACTS if name in facts}
    date = datetime.now(UTC).isoformat(timespec="minutes")
    file.write_text(json.dumps({**told, "date": date, **found}, indent=1) + "\n")
