"""Compiled libraries in the cache: kept whole, and taken only as they were kept.

A file ends in a seal, a digest of what stands before it and of its name, which no loader minds. So
one that was cut short, emptied, exchanged or garbled is seen before it is loaded, where it might
take the process with it. It is then made again.
"""

from __future__ import annotations

import hashlib
import logging
import os
import struct
from functools import lru_cache
from pathlib import Path

from harness.errors import HarnessError
from harness.own_files import is_own, own_bytes, put

log = logging.getLogger("polydl")

_SEAL = hashlib.sha256().digest_size
_HEADER = 64  # bytes, of a 64-bit ELF file
_SHARED = 3  # ET_DYN


class NoLibrary(HarnessError):
    """Bytes that no loader of this machine takes; the message says why."""


def library_bytes(path: Path) -> bytes | None:
    """The library that was kept there, without its seal; None where it has to be made (again)."""
    held = own_bytes(path)
    if held is not None and held[-_SEAL:] == _seal(held[:-_SEAL], path):
        return held[:-_SEAL]
    if os.path.lexists(path):
        why = "is not as it was built" if is_own(path) else "may be another user's work"
        log.warning("%s %s: it is not used, but made again", path, why)
    return None


def keep_library(data: bytes, path: Path) -> None:
    """Put a library into the cache. Raises NoLibrary, and OSError where it cannot be written."""
    check_library(data)
    put(path, data + _seal(data, path))


def check_library(data: bytes) -> None:
    """Raises NoLibrary for what is no whole shared library of this machine."""
    if data[:4] != b"\x7fELF" or len(data) < _HEADER:
        raise NoLibrary("no shared library was made" if data else "an empty file was made")
    own = _own_header()
    if data[4:6] != own[4:6] or data[18:20] != own[18:20]:
        raise NoLibrary("a library for another machine was made")
    order = "<" if data[5] == 1 else ">"
    (kind,) = struct.unpack_from(f"{order}H", data, 16)
    if kind != _SHARED:
        raise NoLibrary("no shared library was made")
    (sections,) = struct.unpack_from(f"{order}Q", data, 40)
    size, count = struct.unpack_from(f"{order}HH", data, 58)
    if sections + size * count > len(data):  # they stand last
        raise NoLibrary("half a library was made")


def _seal(data: bytes, path: Path) -> bytes:
    return hashlib.sha256(path.name.encode() + b"\0" + data).digest()


@lru_cache(maxsize=1)
def _own_header() -> bytes:
    """Class, byte order and machine as this interpreter has them."""
    with open("/proc/self/exe", "rb") as file:
        return file.read(_HEADER)
