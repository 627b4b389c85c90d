"""The C compiler of this host: found, identified, and the flags that it gets."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import lru_cache

from harness.system_packages import installing_system

CANDIDATES = ("gcc", "cc", "clang")
LEVEL = "-O2"
# Scalar loops say where vectors are right; nobody reads errno, which would forbid those of sqrt.
SCALAR = ("-fopenmp-simd", "-fno-math-errno")
FLAGS = ("-march=native", "-ffp-contract=fast", *SCALAR, "-fPIC", "-shared", "-Wno-psabi")


@dataclass(frozen=True)
class CCompiler:
    """A C compiler of this host. `target` is what -march=native resolves to, as a hash."""

    path: str
    version: str
    target: str
    clang: bool = False
    wide: bool = False  # the target has AVX-512

    def flags(self, openmp: bool = False, level: str = LEVEL) -> tuple[str, ...]:
        """clang takes 256-bit registers on AVX-512 machines unless told: a third of the speed."""
        wide = ("-mprefer-vector-width=512",) if self.clang and self.wide else ()
        return (level, *FLAGS, *wide) + (("-fopenmp",) if openmp else ())


@dataclass(frozen=True)
class NoCompiler:
    """Why there is none, and what mends it."""

    reason: str


def compiler_here() -> CCompiler | NoCompiler:
    """The first of gcc, cc and clang on PATH."""
    for name in CANDIDATES:
        path = shutil.which(name)
        if path is not None:
            return _identified(path)
    return NoCompiler(
        f"no C compiler found (looked for {', '.join(CANDIDATES)}); install one: "
        f"{installing_system('gcc')}"
    )


@lru_cache(maxsize=8)
def _identified(path: str) -> CCompiler | NoCompiler:
    version = _said([path, "--version"]).splitlines()
    macros = _said([path, "-march=native", "-E", "-dM", "-x", "c", "/dev/null"])
    if not version or not macros:
        return NoCompiler(
            f"C compiler '{path}' does not run with -march=native; install one: "
            f"{installing_system('gcc')}"
        )
    # gcc resolves the model (-march, -mtune, cache parameters) and each feature here; clang knows
    # no such query, but predefines a macro for each feature
    target = _said([path, "-march=native", "-Q", "--help=target"]) or macros
    return CCompiler(
        path=path,
        version=version[0],
        target=hashlib.sha256(target.encode()).hexdigest()[:16],
        clang="__clang__" in macros,
        wide="__AVX512F__" in macros,
    )


def _said(command: list[str]) -> str:
    """Standard output of a short command, empty when it fails."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=20,
            env={"PATH": os.defpath, "LC_ALL": "C"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""
