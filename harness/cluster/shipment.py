"""The code that nodes run, as a folder for Ray to ship: the packages and conf/, nothing else."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import harness
from harness.conf_files import CONF, INSTALLED
from harness.measure.host import COMMIT_FILE, git_commit
from harness.scratch import clear_scratch, scratch_folder

_COMPILED = shutil.ignore_patterns("__pycache__")


@contextmanager
def shipped() -> Iterator[Path]:
    """A copy that a node can import, and that knows its version and commit; removed afterwards."""
    root = Path(harness.__file__).parents[1]
    place = Path(tempfile.gettempdir())
    clear_scratch(place)
    with scratch_folder(place) as folder:
        parts = [root / "compiler", root / "harness", *([] if INSTALLED else [CONF])]
        for part in parts:
            shutil.copytree(part, folder / part.name, ignore=_COMPILED)
        (folder / COMMIT_FILE).write_text(git_commit() + "\n")
        known = folder / f"polydl-{version('polydl')}.dist-info"
        known.mkdir()
        (known / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: polydl\nVersion: {version('polydl')}\n"
        )
        yield folder
