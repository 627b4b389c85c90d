"""What nobody foresaw: one line for the user, and a traceback in a file for whoever mends it.

The file is the campaign's log where one was being written, else a log of the user's own, in
$XDG_STATE_HOME/polydl or ~/.local/state/polydl, else a temporary file. All are private.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from compiler.errors import shown
from harness.errors import Unforeseen

STATUS = 70  # EX_SOFTWARE of sysexits.h
LOG = "faults.txt"


def told(fault: BaseException, where: str) -> str:
    """One line that names the exception and the file where its traceback stands."""
    if isinstance(fault, Unforeseen) and fault.log.exists():
        kept: Path | None = fault.log.resolve()
        fault = fault.fault
    else:
        fault = fault.fault if isinstance(fault, Unforeseen) else fault
        kept = _written(fault, where)
    what = f"{type(fault).__name__}: {shown(fault, 120)}"
    place = "nowhere could its traceback be written" if kept is None else f"traceback in {kept}"
    return f"{where}: this should not happen: {what}; {place}"


@contextmanager
def kept_from_threads() -> Iterator[None]:
    """What ends a thread, or is raised while an object goes, is kept in the same way."""

    def ended(arguments: threading.ExceptHookArgs) -> None:
        if arguments.exc_value is not None and arguments.exc_type is not SystemExit:
            name = arguments.thread.name if arguments.thread else "?"
            sys.stderr.write(told(arguments.exc_value, f"polydl: thread {name}") + "\n")

    def ignored(arguments: sys.UnraisableHookArgs) -> None:
        if arguments.exc_value is not None:
            _written(arguments.exc_value, shown(arguments.err_msg or arguments.object))

    before = threading.excepthook, sys.unraisablehook
    threading.excepthook, sys.unraisablehook = ended, ignored
    try:
        yield
    finally:
        threading.excepthook, sys.unraisablehook = before


def _written(fault: BaseException, where: str) -> Path | None:
    """The file that holds the traceback now; None where nothing can be written."""
    lines = traceback.format_exception(fault)  # exceptions of any kind may refuse to be formatted
    text = f"{datetime.now(UTC).isoformat(timespec='seconds')} {where}\n{''.join(lines)}\n"
    for opened in (_own_log, _temporary):
        with suppress(OSError, RuntimeError):
            path, descriptor = opened()
            with os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
            return path
    return None


def _own_log() -> tuple[Path, int]:
    base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    folder = Path(base).expanduser() / "polydl"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / LOG
    return path, os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)


def _temporary() -> tuple[Path, int]:
    descriptor, name = tempfile.mkstemp(prefix="polydl-", suffix=".txt")
    return Path(name), descriptor
