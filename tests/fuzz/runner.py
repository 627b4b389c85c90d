"""One input in a process of its own: how it ended, what it took, what it left behind.

The process is forked from one that has imported everything, may take 1 GB and 10 s, and tells of
every file that it opens for writing outside its scratch folder.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any, NoReturn

import psutil

from tests.fuzz.inputs import Input

MOST_SECONDS = 10.0  # of processor time; of the clock in which it computes nothing
MOST_BYTES = 2**30
LONGEST_LINE = 360  # 300 of the message, and the command before it
STATUSES = (0, 1, 2)
_TRACEBACK = 99  # of the forked process, where an exception came out
_ANYWHERE = ("/dev/", "/proc/")  # no files


@dataclass(frozen=True)
class Ended:
    """`fault` says what must not be; empty where all is well."""

    status: int
    seconds: float  # of processor time
    bytes: int
    fault: str


def run(one: Input, scratch: Path) -> Ended:
    """Run it in a new folder below `scratch`, and judge how it ends."""
    with tempfile.TemporaryDirectory(dir=scratch, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        errors = folder / ".errors"
        for path, held in one.files.items():
            file = folder / "work" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(held.encode() if isinstance(held, str) else held)
        (folder / "work").mkdir(exist_ok=True)
        pid = os.fork()
        if pid == 0:
            _child(one, folder, errors)
        status, used = _waited(pid)
        said = errors.read_text(errors="replace") if errors.exists() else ""
        seconds = used.ru_utime + used.ru_stime
        size = used.ru_maxrss * 1024
        return Ended(status, seconds, size, _fault(status, seconds, size, said))


def _waited(pid: int) -> tuple[int, Any]:
    """How it ended and what it used. What computes nothing any more is killed, however slow a host
    that others share; what never stops computing the kernel ends (RLIMIT_CPU)."""
    process, spent, look = psutil.Process(pid), -1.0, 0.0
    while True:
        done, status, used = os.wait4(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status), used
        if time.monotonic() > look:
            before, spent = spent, sum(process.cpu_times()[:2])
            if spent <= before:
                os.kill(pid, signal.SIGKILL)
            look = time.monotonic() + MOST_SECONDS
        time.sleep(0.001)


def _fault(status: int, seconds: float, size: int, said: str) -> str:
    lines = said.split("\n")[:-1]
    if "OUTSIDE" in said:
        return next(line for line in lines if "OUTSIDE" in line)
    if status not in STATUSES:
        return f"status {status}: {said[-1500:]}"
    if seconds > MOST_SECONDS:
        return f"took {seconds:.1f} s"
    if size > MOST_BYTES:
        return f"took {size / 2**20:.0f} MiB"
    if "Traceback" in said:
        return said[-1500:]
    if status == 2 and not said.strip():
        return "status 2 and not a word"
    if status == 2 and lines and len(lines[-1]) > LONGEST_LINE:
        return f"a line of {len(lines[-1])} characters: {lines[-1]}"
    if status == 2 and lines and lines[-1].rstrip().endswith(":"):
        return f"no reason: {lines[-1]}"
    if any(not char.isprintable() for line in lines for char in line):
        return f"it does not print: {said!r}"
    return ""


def _child(one: Input, folder: Path, errors: Path) -> NoReturn:
    """Never returns: the process ends with the input's status."""
    status = _TRACEBACK
    try:
        descriptor = os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(descriptor, 2)
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, 0)
        os.dup2(nowhere, 1)
        sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
        os.chdir(folder / "work")
        tempfile.tempdir = str(folder)
        for name in ("HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "TMPDIR"):
            os.environ[name] = str(folder)
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + 2 * MOST_BYTES  # more than is allowed is told
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        resource.setrlimit(resource.RLIMIT_CPU, (2 * ceil(MOST_SECONDS),) * 2)
        _watch(folder)
        status = one.run()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    sys.stderr.flush()
    os._exit(status)


def _watch(folder: Path) -> None:
    """Tell of files that are opened for writing, made or removed elsewhere."""
    changing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
    makes = ("os.mkdir", "os.remove", "os.rmdir", "os.rename", "os.symlink", "os.link")

    def heard(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            changes = isinstance(flags, int) and bool(flags & changing)
        else:
            path, changes = (arguments[0] if arguments else None), event in makes
        if not changes or not isinstance(path, str | bytes | os.PathLike):
            return
        place = os.path.abspath(os.fsdecode(path))
        if not place.startswith((str(folder), *_ANYWHERE)):
            os.write(2, f"OUTSIDE {event} {place!r}\n".encode())

    sys.addaudithook(heard)


def summary(ended: Sequence[tuple[str, Ended]]) -> str:
    """Counts by kind, in a few lines."""
    told = []
    for kind in dict.fromkeys(kind for kind, _ in ended):
        own = [one for other, one in ended if other == kind]
        counts = {status: sum(one.status == status for one in own) for status in STATUSES}
        told.append(
            f"{kind}: {len(own)} inputs, {sum(bool(one.fault) for one in own)} faults, statuses "
            f"{counts}, at most {max(one.seconds for one in own):.1f} s and "
            f"{max(one.bytes for one in own) / 2**20:.0f} MiB"
        )
    return "\n".join(told)
