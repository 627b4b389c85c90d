"""What readers of records tell as they go on, one line each on standard error."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from compiler.errors import message

RECORDS = logging.getLogger("polydl.record")


class _Lines(logging.Handler):
    """Each message once, however many readers meet it."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._told: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        line = message(record.getMessage())
        if line not in self._told:
            self._told.add(line)
            sys.stderr.write(f"warning: {line}\n")  # as it is now: a live display may hold it


@contextmanager
def shown_notices() -> Iterator[None]:
    handler = _Lines()
    RECORDS.addHandler(handler)
    try:
        yield
    finally:
        RECORDS.removeHandler(handler)
