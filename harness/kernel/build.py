"""From C text to a shared library: the compiler found, its flags, and a cache keyed by content."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from harness.errors import EnvironmentProblem
from harness.failure import Failure

CANDIDATES = ("gcc", "cc", "clang")
LEVEL = "-O2"
FLAGS = ("-march=native", "-ffp-contract=fast", "-fPIC", "-shared", "-Wno-psabi")
TIME_LIMIT = 60.0  # seconds of wall time for one compilation
NEARLY_FULL = 1 << 19  # bytes
ORPHAN_SECONDS = 5.0  # more, until the compiler of a process that was killed is ended
INSTALL = "install one (Debian: apt-get install gcc) or name it with CC or the compiler setting"


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
class Built:
    """A shared library; `seconds` is the wall time of the compilation, 0 from the cache."""

    path: Path
    seconds: float
    cached: bool


def compiler_found(chosen: str | None = None) -> CCompiler:
    """The compiler named by the user, else the first of gcc, cc, clang; EnvironmentProblem."""
    for name in (chosen,) if chosen else CANDIDATES:
        path = shutil.which(name)
        if path is not None:
            return _identified(path)
    if chosen:
        raise EnvironmentProblem(f"C compiler '{chosen}' not found; {INSTALL}")
    raise EnvironmentProblem(f"no C compiler found (looked for {', '.join(CANDIDATES)}); {INSTALL}")


def build(
    text: str,
    openmp: bool,
    compiler: CCompiler,
    cache_dir: Path,
    time_limit: float = TIME_LIMIT,
    libraries: Sequence[str] = (),
    level: str = LEVEL,
) -> Built | Failure:
    """Compile C text into `cache_dir`; the same text, compiler, flags and target compile once.

    The library is written under another name and renamed, so that a reader never sees half a file
    and two builders of one text do not disturb each other.
    """
    flags = compiler.flags(openmp, level)
    key = "\0".join([text, compiler.path, compiler.version, *flags, *libraries, compiler.target])
    name = hashlib.sha256(key.encode()).hexdigest()[:32]
    library = cache_dir / name[:2] / f"{name}.so"
    if library.exists():
        return Built(library, 0.0, cached=True)
    start = time.perf_counter()
    library.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".build-", dir=library.parent) as folder:
        source, output = Path(folder, "kernel.c"), Path(folder, "kernel.so")
        source.write_text(text)
        command = [compiler.path, *flags, "-o", str(output), str(source), *libraries, "-lm"]
        reason = _run(command, folder, time_limit)
        if reason is not None:
            return Failure("compile", reason)
        os.replace(output, library)
    return Built(library, time.perf_counter() - start, cached=False)


def _run(command: list[str], folder: str, time_limit: float) -> str | None:
    """Run a compiler in its own process group; None, or why it gave no output.

    `timeout` ends one that hangs after whoever started it was killed.
    """
    environment = {"PATH": os.defpath, "LC_ALL": "C", "TMPDIR": folder}
    guard = ["timeout", "-s", "KILL", f"{time_limit + ORPHAN_SECONDS:.0f}"]
    with subprocess.Popen(
        [*guard, *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment,
        start_new_session=True,
        text=True,
        errors="replace",
    ) as process:
        try:
            _, messages = process.communicate(timeout=time_limit)
        except BaseException as stop:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            if isinstance(stop, subprocess.TimeoutExpired):
                return f"timed out after {time_limit:g} s of compiling"
            raise
    if process.returncode == 0:
        return None
    name = Path(command[0]).name
    if shutil.disk_usage(folder).free < NEARLY_FULL:  # the linker says anything, or dies of it
        return f"{name}: {os.strerror(errno.ENOSPC)}"
    if process.returncode < 0:
        return f"{name} died of {signal.Signals(-process.returncode).name}"
    lines = [line.strip() for line in messages.splitlines() if line.strip()]
    told = next((line for line in lines if "error" in line), lines[0] if lines else "no message")
    return f"{name}: {told.replace(folder + '/', '')}"


@lru_cache(maxsize=8)
def _identified(path: str) -> CCompiler:
    version = _said([path, "--version"]).splitlines()
    macros = _said([path, "-march=native", "-E", "-dM", "-x", "c", "/dev/null"])
    if not version or not macros:
        raise EnvironmentProblem(f"C compiler '{path}' does not run with -march=native; {INSTALL}")
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
