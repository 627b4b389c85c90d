"""The child that computes references: a worker of its own, which loads what only they need."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compiler.problem.specification import primitive_from
from harness.kernel.expectation import prepare
from harness.measure.worker import main


class Preparation:
    """Answers one command, `prepare`."""

    def __init__(self, timer: Path, cores: tuple[int, ...]) -> None:
        self.cores = cores

    def prepare(self, spec: Mapping[str, object], seed: int, folder: str) -> dict[str, Any]:
        """Compute and keep inputs and reference of a problem, unless the folder has them."""
        if not Path(folder, "manifest.json").exists():
            prepare(primitive_from(spec), seed, Path(folder))
        return {}


if __name__ == "__main__":
    sys.exit(main(Preparation))
