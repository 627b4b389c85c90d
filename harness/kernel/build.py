"""From C text to a shared library: the compiler found, its flags, and a cache keyed by content."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import EnvironmentProblem
from harness.failure import Failure
from harness.kernel.c_compiler import LEVEL
from harness.kernel.library import NoLibrary, keep_library, library_bytes
from harness.kernel.toolchain import Toolchain
from harness.own_files import private_folder
from harness.scratch import scratch_folder

TIME_LIMIT = 60.0  # seconds of wall time for one compilation
NEARLY_FULL = 1 << 19  # bytes
ORPHAN_SECONDS = 5.0  # more, until the compiler of a process that was killed is ended


@dataclass(frozen=True)
class Built:
    """A shared library; `seconds` is the wall time of the compilation, 0 from the cache."""

    path: Path
    seconds: float
    cached: bool


def build(
    text: str,
    openmp: bool,
    toolchain: Toolchain,
    time_limit: float = TIME_LIMIT,
    libraries: Sequence[str] = (),
    level: str = LEVEL,
) -> Built | Failure:
    """Compile C text into the cache; the same text, compiler, flags and target compile once.

    A library that is not as it was built is built again. Raises OSError where the cache cannot be
    written.
    """
    compiler = toolchain.compiler
    flags = compiler.flags(openmp, level)
    key = "\0".join([text, compiler.path, compiler.version, *flags, *libraries, compiler.target])
    name = hashlib.sha256(key.encode()).hexdigest()[:32]
    library = toolchain.cache / name[:2] / f"{name}.so"
    if library_bytes(library) is not None:
        return Built(library, 0.0, cached=True)
    start = time.perf_counter()
    try:
        private_folder(library.parent)
    except EnvironmentProblem as problem:
        return Failure("compile", str(problem))
    with scratch_folder(toolchain.scratch) as folder:
        source, output = folder / "kernel.c", folder / "kernel.so"
        source.write_text(text)
        command = [compiler.path, *flags, "-o", str(output), str(source), *libraries, "-lm"]
        reason = _run(command, folder, time_limit)
        if reason is None:
            reason = _kept(compiler.path, output, library)
        if reason is not None:
            return Failure("compile", reason)
    return Built(library, time.perf_counter() - start, cached=False)


def _kept(compiler: str, output: Path, library: Path) -> str | None:
    """Put what a compiler has made into the cache; None, or why that is no library."""
    try:
        keep_library(output.read_bytes() if output.is_file() else b"", library)
    except NoLibrary as refusal:
        return f"{Path(compiler).name}: {refusal}"
    return None


def _run(command: list[str], folder: Path, time_limit: float) -> str | None:
    """Run a compiler in its own process group; None, or why it gave no output.

    `timeout` ends one that hangs after whoever started it was killed.
    """
    environment = {"PATH": os.defpath, "LC_ALL": "C", "TMPDIR": str(folder)}
    limited = ["timeout", "-s", "KILL", f"{time_limit + ORPHAN_SECONDS:.0f}"]
    with subprocess.Popen(
        [*limited, *command],
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
    return f"{name}: {told.replace(f'{folder}/', '')}"
