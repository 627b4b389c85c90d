"""A claims file of a toy, beside a kept campaign that is made up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from harness.claims.claim import Claims, claims_in
from harness.record.kept import write_kept
from tests.harness.review_campaigns import made_up

HERE = "A processor"  # of the made-up campaign
TEXT: dict[str, Any] = {
    "hosts": {"here": {"cpu": HERE}, "there": {"cpu": "Another"}},
    "campaigns": {
        "toy": {"records": "toy/here", "command": "polydl run experiment=toy", "host": "here"},
        "far": {"records": "far", "command": "polydl run experiment=far", "host": "there"},
    },
    "claims": {
        "ahead": {
            "says": "it is ahead",
            "source": {"paper": "abstract"},
            "campaign": "toy",
            "quantity": "speedup",
            "of": {"contender": "roofline"},
            "expected": {"at_least": 0.5},
            "tolerance": {"share": 0.02, "because": "a toy"},
        },
        "elsewhere": {
            "says": "on another machine",
            "source": {"file": "README.md", "text": "1.05 of it"},
            "not_attempted": "other machine",
        },
    },
    "tables": {"toy": {"campaign": "toy", "shows": "problems"}},
}


def write_claims(folder: Path, held: object = TEXT) -> Path:
    """The claims file in a folder `experiments`, with README.md above it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder.parent / "README.md").write_text("It is\n1.05 of it.\n")
    file = folder / "claims.yaml"
    file.write_text(held if isinstance(held, str) else yaml.safe_dump(held))
    return file


def toy_claims(tmp_path: Path, problems: int = 5) -> Claims:
    """With the campaign that they are held against."""
    file = write_claims(tmp_path / "experiments")
    write_kept(made_up(tmp_path / "made", problems), file.parent / "toy" / "here")
    return claims_in(file)
