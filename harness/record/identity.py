"""Which campaign a folder holds: an id for its life, whatever its name and place become.

`identity.json` is written at the first start and bound to the first line of results.jsonl once
there is one. A copy has the same id and, until both go on, is the same campaign; where two that
went on meet, in a store, the one that comes second gets an id of its own (tracking/store.py). Ids
that are not given at a start follow from the records, so that they need not be written to be the
same again: of a campaign recorded before there were ids, of a copy, in a folder that is read-only.
"""

from __future__ import annotations

import json
import os
import re
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from harness.errors import RecordError
from harness.outside import json_of
from harness.record.typed import content, whole_lines

_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Identity:
    """`id` is 32 hexadecimal digits; `first` the line_id of the first line, None before it."""

    id: str
    first: str | None = None


@dataclass(frozen=True)
class Lines:
    """The lines of a results.jsonl by their line_id: all, and the newest of every trial."""

    ids: tuple[str, ...] = ()
    newest: tuple[tuple[str, str], ...] = ()  # (trial, line_id)

    @staticmethod
    def of(results: Path) -> Lines:
        """A line without its end was cut by a crash and does not count, nor one without a trial."""
        ids: list[str] = []
        newest: dict[str, str] = {}
        for _, line in whole_lines(results):
            ids.append(line_id(line))
            with suppress(ValueError, KeyError, TypeError):
                newest[str(json_of(line.decode())["trial"])] = ids[-1]
        return Lines(tuple(ids), tuple(newest.items()))


def line_id(line: bytes) -> str:
    """16 hexadecimal digits of a line's text, as it stands in the file."""
    return sha256(line.rstrip(b"\n")).hexdigest()[:16]


def identity_of(file: Path, results: Path) -> Identity:
    """The folder's id: the one in `file` where it is that of these results, else a new one.

    It is kept in the file where that can be written.
    """
    first = next((line_id(line) for _, line in whole_lines(results)), None)
    kept = _read(file)
    if kept is not None and kept.first in (None, first):
        identity = Identity(kept.id, first)
    else:  # none yet, or that of results that are here no more
        identity = Identity(_derived([first]) if first is not None else uuid.uuid4().hex, first)
    if identity != kept:
        keep_identity(file, identity)
    return identity


def identity_of_copy(results: Path) -> Identity:
    """Of a copy that went on beside its original: it follows from all that the copy holds."""
    lines = Lines.of(results)
    return Identity(_derived([*lines.ids, "copy"]), next(iter(lines.ids), None))


def keep_identity(file: Path, identity: Identity) -> bool:
    """By rename; False where the folder cannot be written."""
    partial = file.with_name(f".{file.name}.{os.getpid()}.partial")
    try:
        partial.write_text(json.dumps(asdict(identity)) + "\n", encoding="utf-8")
        os.replace(partial, file)
    except OSError:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        return False
    return True


def _derived(lines: Sequence[str]) -> str:
    return sha256(" ".join(lines).encode()).hexdigest()[:32]


def _read(file: Path) -> Identity | None:
    """None where there is none, or what stands there is no id."""
    with suppress(RecordError, ValueError, TypeError, KeyError):
        held = json_of((content(file) or b"").decode())
        first = held["first"]
        if _ID.fullmatch(held["id"]) and (first is None or isinstance(first, str)):
            return Identity(held["id"], first)
    return None
