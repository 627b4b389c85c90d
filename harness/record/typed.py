"""Records as they are read: outside data, checked against the types that declare them.

A record may come from another host, another version, a torn disk. One declaration says what it is,
the dataclass or TypedDict that holds it; a value of another type, a number that is not finite, a
text that is no UTF-8 and nesting without end are refused with their place, in one line.
"""

from __future__ import annotations

import gzip
import logging
import os
import stat
import zlib
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import IO, Any, TypeVar, cast

import msgspec

from compiler.errors import shown
from harness.errors import RecordError, SchemaError

LEAST, MOST = 1e-18, 1e15  # of seconds and ratios; of any number that is counted with
LONGEST_LINE = 2**24  # bytes; a line of results.jsonl has 3,000 to 6,000
LARGEST_FILE = 2**28  # bytes of a file that is read at once
_UNREADABLE = (OSError, EOFError, zlib.error)  # of a file, compressed or not

log = logging.getLogger("polydl.record")  # shown by the command line

T = TypeVar("T")


def decoded(text: bytes | str, kind: type[T], where: str) -> T:
    """The value of a JSON text. Raises RecordError, which begins with `where`."""
    try:
        return cast(T, _decoder(cast(Hashable, kind)).decode(text))
    except (ValueError, RecursionError) as fault:  # msgspec's own among them
        raise RecordError(f"{where}: {_reason(fault)}") from fault


def converted(value: object, kind: type[T], where: str) -> T:
    """Plain data as a `kind`. Raises RecordError, which begins with `where`."""
    try:
        return msgspec.convert(value, kind)
    except (ValueError, RecursionError) as fault:
        raise RecordError(f"{where}: {_reason(fault)}") from fault


def whole_lines(path: Path) -> Iterator[tuple[str, bytes]]:
    """(where, line) of a file that is written line by line; nothing where there is none.

    A last line without its line end was cut by a crash and does not count; one that is longer than
    any record is told and skipped. Raises RecordError.
    """
    try:
        with _opened(path) as file:
            for number in count(1):
                where, line = f"{shown(path, 120)} line {number}", file.readline(LONGEST_LINE)
                if line.endswith(b"\n"):
                    if line.strip():
                        yield where, line
                elif len(line) < LONGEST_LINE:
                    return
                else:
                    _skip(RecordError(f"{where}: has more than {LONGEST_LINE} bytes"))
                    while line and not line.endswith(b"\n"):
                        line = file.readline(LONGEST_LINE)
    except FileNotFoundError:
        return
    except _UNREADABLE as fault:
        raise RecordError(f"{shown(path, 120)}: cannot be read: {shown(fault)}") from fault


def lines_read(path: Path, read: Callable[[bytes, str], T]) -> Iterator[T]:
    """What `read(line, where)` makes of every line; one that it refuses is told and skipped.

    The others stand by themselves. Raises RecordError where none is whole.
    """
    bad: list[RecordError] = []
    good = False
    for where, line in whole_lines(path):
        try:
            value = read(line, where)
        except SchemaError:
            raise
        except RecordError as fault:
            bad.append(fault)
            continue
        good = True
        yield value
    if bad and not good:
        raise RecordError(f"{bad[0]}; no line of it is whole")
    for one in bad:
        _skip(one)


def content(path: Path) -> bytes | None:
    """All of a file that is read at once, None where there is none. Raises RecordError."""
    try:
        with _opened(path) as file:
            held = file.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        return None
    except _UNREADABLE as fault:
        raise RecordError(f"{shown(path, 120)}: cannot be read: {shown(fault)}") from fault
    if len(held) > LARGEST_FILE:
        raise RecordError(f"{shown(path, 120)}: has more than {LARGEST_FILE} bytes")
    return held


def told_and_skipped(read: Callable[[], T], instead: T) -> T:
    """What is read, or `instead` where that is refused: the rest stands without it."""
    try:
        return read()
    except RecordError as fault:
        _skip(fault)
        return instead


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """A regular file: a pipe would keep its reader waiting, a device would never end.

    One whose name ends in .gz is read as what it was before it was compressed.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise RecordError(f"{shown(path, 120)}: is no regular file")
    with os.fdopen(descriptor, "rb") as file:
        if path.suffix == ".gz":
            with gzip.GzipFile(fileobj=file) as held:
                yield cast(IO[bytes], held)
        else:
            yield file


def _skip(fault: RecordError) -> None:
    log.warning("%s; it is skipped", fault)


@lru_cache(maxsize=32)
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def _reason(fault: BaseException) -> str:
    if isinstance(fault, RecursionError):
        return "is nested too deeply"
    if isinstance(fault, UnicodeDecodeError):
        return f"no UTF-8 (byte {fault.start})"
    return shown(fault, 160)
