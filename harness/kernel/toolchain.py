"""What everything that builds on this node stands on: its cache folder and its C compiler."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from harness.errors import EnvironmentProblem
from harness.kernel.c_compiler import CCompiler, NoCompiler, compiler_here

SCRATCH = "scratch"


@dataclass(frozen=True)
class Toolchain:
    """Of one node: made there once and handed down, never sent, for paths and compilers differ.

    `cache` holds what is compiled, measured ceilings, tool environments, tuning logs and scratch.
    """

    cache: Path
    found: CCompiler | NoCompiler

    @classmethod
    def opened(cls, folder: Path) -> Self:
        """On the cache at `folder` (`~` is this user's home), made where it is missing.

        Raises EnvironmentProblem, with the remedy, for a folder that cannot be used.
        """
        cache = folder.expanduser()
        try:
            cache.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise EnvironmentProblem(
                f"the cache folder {cache} cannot be used: {error.strerror}; "
                "set XDG_CACHE_HOME to a folder of yours"
            ) from error
        return cls(cache, compiler_here())

    @property
    def compiler(self) -> CCompiler:
        """Raises EnvironmentProblem where there is none."""
        if isinstance(self.found, NoCompiler):
            raise EnvironmentProblem(self.found.reason)
        return self.found

    @property
    def scratch(self) -> Path:
        """Where units put their tensors while they are measured."""
        return self.cache / SCRATCH
