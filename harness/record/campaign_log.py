"""A campaign's log.txt: what the harness logs while it runs, and the traceback of a fault."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from compiler.errors import CompilerError, printable
from harness.errors import HarnessError, Unforeseen

log = logging.getLogger("polydl")


class _Printable(logging.Formatter):
    """Names and reasons come from anywhere: a log that is looked at must not act on a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record), kept="\n\t")


@contextmanager
def logged(path: Path) -> Iterator[None]:
    """The campaign's log.txt takes what the harness logs meanwhile."""
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(_Printable("%(asctime)s %(levelname)s %(message)s"))
    before = log.level, log.propagate
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    try:
        yield
    except (HarnessError, CompilerError, OSError, MemoryError):
        raise
    except Exception as fault:
        log.exception("this should not happen")
        raise Unforeseen(fault, path) from fault
    finally:
        log.level, log.propagate = before
        log.removeHandler(handler)
        handler.close()
