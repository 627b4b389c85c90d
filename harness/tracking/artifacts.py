"""Files of runs: beside a sqlite store, or wherever the server of a store has them.

A run's address says where its files are. In a sqlite store it is relative (`mlflow-artifacts:/`),
so that a folder `runs/` that is moved or copied keeps them: they lie in `mlartifacts/` beside the
sqlite file, are written there directly, and `polydl dashboard` serves them from there.
"""

from __future__ import annotations

import importlib
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.scratch import clear_scratch, scratch_folder
from harness.tracking.sqlite_store import artifact_folder, is_sqlite

RELATIVE = "mlflow-artifacts:/"


class Artifacts:
    """Puts files into runs of the store at an address; several threads may."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._scratch = Path(tempfile.gettempdir())
        clear_scratch(self._scratch)

    def put(self, run: Any, files: Mapping[str, Path | str]) -> None:
        """A file, or its text, by the name it gets in the run.

        One of this name that is there is replaced, a file that is gone left out.
        """
        there = {name: x for name, x in files.items() if isinstance(x, str) or x.is_file()}
        address = str(run.info.artifact_uri)
        if is_sqlite(self._uri) and address.startswith(RELATIVE):
            _fill(artifact_folder(self._uri) / address.removeprefix(RELATIVE), there)
        elif there:
            registry = importlib.import_module("mlflow.store.artifact.artifact_repository_registry")
            repository = registry.get_artifact_repository(address, tracking_uri=self._uri)
            with scratch_folder(self._scratch) as staged:
                _fill(staged, there)
                for name in there:
                    repository.log_artifact(str(staged / name))


def _fill(folder: Path, files: Mapping[str, Path | str]) -> None:
    """By rename, so that a reader never sees half a file."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, held in files.items():
        partial = folder / f".{name}.partial"
        if isinstance(held, str):
            partial.write_text(held, encoding="utf-8")
        else:
            shutil.copyfile(held, partial)
        partial.replace(folder / name)
