"""What everything that builds on this node stands on: its cache folder and its C compiler."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from harness.account import expanded
from harness.errors import EnvironmentProblem
from harness.kernel.c_compiler import CCompiler, NoCompiler, compiler_here
from harness.own_files import private_folder

SCRATCH = "scratch"
REMEDY = "set XDG_CACHE_HOME to a folder of yours"


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

        What lies in it is run, so it is closed to other users, and another user's is refused.
        Raises EnvironmentProblem, with the remedy, for a folder that cannot be used.
        """
        cache = private_folder(expanded(folder), REMEDY)
        private_folder(cache / SCRATCH)
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
