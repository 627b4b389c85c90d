"""Compiling a baseline's adapter once per text, compiler and library, by content."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from harness.errors import EnvironmentProblem
from harness.kernel.library import NoLibrary, keep_library, library_bytes
from harness.kernel.toolchain import Toolchain
from harness.own_files import private_folder
from harness.scratch import scratch_folder

HEADERS = tuple(Path(__file__).with_name(name) for name in ("adapter.h", "arrays.h", "exports.h"))
FLAGS = ("-std=c++17", "-O2", "-fPIC", "-shared")
TIME_LIMIT = 120.0  # seconds; 5 s are normal


class AdapterBuildError(Exception):
    """The C++ compiler refused the adapter or did not end; the message is its first error."""


@dataclass(frozen=True)
class BuiltAdapter:
    path: Path
    cached: bool


def cxx_compiler() -> str | None:
    """Path of the C++ compiler for adapters; g++ first, for it has the OpenMP oneDNN links."""
    return next((p for name in ("g++", "c++", "clang++") if (p := shutil.which(name))), None)


@cache
def compiler_version(compiler: str) -> str:
    """First line of the compiler's --version, or "unknown"."""
    try:
        done = subprocess.run(
            [compiler, "--version"], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return done.stdout.partition("\n")[0] or "unknown"


def build_adapter(
    source: Path,
    compiler: str,
    *,
    flags: tuple[str, ...],
    library: Path | None,
    version: str,
    toolchain: Toolchain,
    others: tuple[str, ...] = (),
) -> BuiltAdapter:
    """The shared object of `source`, linked with `library` and finding it again by run path.

    A static library becomes part of it; without one, `source` loads what it needs by itself.
    `others` are the linker's flags for what `library` itself needs.

    Named by its content: text, header, compiler, flags, the library's path and version. One that is
    not as it was built is built again. Raises AdapterBuildError.
    """
    options = (*FLAGS, *flags)
    link: tuple[str, ...] = ("-ldl",)
    if library is not None:
        directory = library.parent.resolve()
        link = (f"-L{directory}", f"-Wl,-rpath,{directory}", f"-l:{library.name}", *others, *link)
    key = "\0".join(
        (
            source.read_text(),
            *(header.read_text() for header in (*HEADERS, *sorted(source.parent.glob("*.h")))),
            compiler,
            compiler_version(compiler),
            version,
            *options,
            *link,
        )
    )
    digest = hashlib.sha256(key.encode()).hexdigest()[:16]
    target = toolchain.cache / "adapters" / f"{source.stem}_{digest}.so"
    if library_bytes(target) is not None:
        return BuiltAdapter(target, cached=True)
    try:
        private_folder(target.parent)
        with scratch_folder(toolchain.scratch) as folder:
            made = folder / target.name
            place = [f"-I{HEADERS[0].parent}", str(source), "-o", str(made)]
            done = subprocess.run(
                [compiler, *options, *place, *link],
                capture_output=True,
                text=True,
                timeout=TIME_LIMIT,
                check=False,
            )
            if done.returncode != 0:
                raise AdapterBuildError(f"{source.name}: {_first_error(done.stderr)}")
            _check_loads(source.name, made)
            keep_library(made.read_bytes(), target)
    except subprocess.TimeoutExpired as late:
        raise AdapterBuildError(f"{source.name}: not compiled in {TIME_LIMIT:.0f} s") from late
    except (NoLibrary, EnvironmentProblem, OSError) as problem:
        raise AdapterBuildError(f"{source.name}: {problem}") from problem
    return BuiltAdapter(target, cached=False)


def _check_loads(name: str, adapter: Path) -> None:
    """In a child: a library that `library` needs may be missing, and this process stays clean."""
    load = "import ctypes, sys; ctypes.CDLL(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-P", "-c", load, str(adapter)],
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT,
        check=False,
    )
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"status {done.returncode}"]
        raise AdapterBuildError(f"{name} does not load: {lines[-1]}")


def _first_error(stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    return next((line for line in lines if "error" in line), lines[0] if lines else "no message")
