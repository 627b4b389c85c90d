"""What stands in files that users name: read and written within bounds of bytes, seconds, nesting.

Any path may be a pipe, a device, a folder or nothing; any text may be made to explode. What is
refused is one line with the path and the reason.
"""

from __future__ import annotations

import json
import os
import select
import stat
import time
from pathlib import Path
from typing import Any

import yaml

from compiler.errors import shown
from harness.errors import Unreadable, Unwritable

MOST_BYTES = 2**24  # of a text; the longest that is shipped has 40 kB
MOST_SECONDS = 60.0  # until all of it has arrived
MOST_NODES = 50_000  # of YAML, with every alias written out
DEEPEST = 50  # lists and maps in each other
_PIECE = 2**16


def path_of(text: str | Path) -> Path:
    """The path, `~` replaced. Raises Unreadable for a user that does not exist."""
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise Unreadable(f"cannot read {shown(text)}: {shown(error)}") from error


def read_text(
    path: Path, most_bytes: int = MOST_BYTES, seconds: float = MOST_SECONDS, errors: str = "strict"
) -> str:
    """The text of a file, a pipe or a device. Raises Unreadable.

    A pipe is read until its writer closes it; a named one that nobody writes to is given up.
    """
    try:
        return read_bytes(path, most_bytes, seconds).decode("utf-8", errors)
    except UnicodeDecodeError as error:
        reason = f"it is no UTF-8 text (byte {error.start})"
    raise Unreadable(f"cannot read {shown(path, 120)}: {reason}")


def read_bytes(path: Path, most_bytes: int = MOST_BYTES, seconds: float = MOST_SECONDS) -> bytes:
    """The same as bytes."""
    try:
        return _read(path, most_bytes, time.monotonic() + seconds)
    except TimeoutError:
        reason = f"nothing ended it within {seconds:g} s"
    except (OSError, ValueError) as error:  # a NUL in a path is a ValueError
        reason = shown(error)
    raise Unreadable(f"cannot read {shown(path, 120)}: {reason}")


def write_text(path: Path, text: str) -> None:
    """Put a text into a file or a pipe that somebody reads. Raises Unwritable."""
    write_bytes(path, text.encode("utf-8", errors="backslashreplace"))


def write_bytes(path: Path, held: bytes) -> None:
    """The same with bytes."""
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
        descriptor = os.open(path, flags, 0o666)  # a pipe without a reader is refused at once
        os.set_blocking(descriptor, True)
        with os.fdopen(descriptor, "wb") as file:
            file.write(held)
    except (OSError, ValueError) as error:
        raise Unwritable(f"cannot write {shown(path, 120)}: {shown(error)}") from error


def json_of(text: str) -> Any:
    """The value of a JSON text. Raises ValueError, for nests and endless numbers as well."""
    try:
        return json.loads(text, parse_constant=_no_number, parse_float=_finite)
    except RecursionError:
        raise ValueError("lists and objects are nested too deeply") from None


def yaml_of(text: str, most_nodes: int = MOST_NODES) -> Any:
    """The plain value of a YAML text. Raises ValueError."""
    check_yaml(text, most_nodes)
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(yaml_reason(error)) from error


def check_yaml(text: str, most_nodes: int = MOST_NODES) -> None:
    """Refuse, by ValueError, what no parser takes and what would explode when it is loaded.

    Counted without building anything: an alias stands for all the nodes of its anchor.
    """
    sizes: dict[str, int] = {}
    opened: list[tuple[str | None, int]] = []  # anchor, and nodes counted where it began
    nodes = 0
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            if isinstance(event, yaml.AliasEvent):
                if event.anchor in [anchor for anchor, _ in opened]:
                    raise ValueError(f"'{shown(event.anchor, 40)}' holds itself")
                nodes += sizes.get(event.anchor, 1)
            elif isinstance(event, yaml.ScalarEvent):
                nodes += 1
                if event.anchor is not None:
                    sizes[event.anchor] = 1
            elif isinstance(event, yaml.CollectionStartEvent):
                opened.append((event.anchor, nodes))
                nodes += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                anchor, before = opened.pop()
                if anchor is not None:
                    sizes[anchor] = nodes - before
            if nodes > most_nodes:
                raise ValueError(f"it has more than {most_nodes} nodes, aliases written out")
            if len(opened) > DEEPEST:
                raise ValueError(f"lists and maps are nested more than {DEEPEST} deep")
    except yaml.YAMLError as error:
        raise ValueError(yaml_reason(error)) from error


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def yaml_reason(error: yaml.YAMLError) -> str:
    """What is wrong, and where, in one line."""
    mark = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or getattr(error, "reason", None) or shown(error, 160)
    told = f"line {mark.line + 1}, column {mark.column + 1}: {what}" if mark else str(what)
    return shown(told, 160)


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no finite number")


def _finite(word: str) -> float:
    value = float(word)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"{shown(word, 20)} is no finite number")
    return value


def _read(path: Path, most_bytes: int, deadline: float) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        waits = not stat.S_ISREG(os.fstat(descriptor).st_mode)
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        held = bytearray()
        while len(held) <= most_bytes:
            left = deadline - time.monotonic()
            if left <= 0 or (waits and not poll.poll(1000 * left)):
                raise TimeoutError
            try:
                piece = os.read(descriptor, _PIECE)
            except BlockingIOError:
                continue
            if not piece:
                return bytes(held)
            held += piece
        raise ValueError(f"it has more than {most_bytes} bytes")
    finally:
        os.close(descriptor)
