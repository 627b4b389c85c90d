from __future__ import annotations

import _ctypes
import ctypes
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.kernel.build import Built, build
from harness.kernel.library import NoLibrary, check_library, keep_library, library_bytes
from harness.kernel.toolchain import Toolchain
from tests.harness.accounts import UNTRUSTED, untrusted

TEXT = "int f(void) { return 7; }"


def built(toolchain: Toolchain) -> Built:
    made = build(TEXT, False, toolchain)
    assert isinstance(made, Built), made
    return made


def called(path: Path) -> int:
    """What its function returns; unloaded again, for what is damaged on disk must not be mapped."""
    library = ctypes.CDLL(str(path))
    value = int(library.f())
    _ctypes.dlclose(library._handle)
    return value


def changed(data: bytes, at: int, new: bytes) -> bytes:
    return data[:at] + new + data[at + len(new) :]


# What may have become of a library in the cache; all of it would load wrongly or not at all.
DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "text": lambda data: b"#!/bin/sh\nexit 0\n",
    "zeros": lambda data: bytes(len(data)),
    "one byte short": lambda data: data[:-1],
    "half": lambda data: data[: len(data) // 2],
    "header alone": lambda data: data[:64],
    "another class": lambda data: changed(data, 4, b"\1"),
    "another byte order": lambda data: changed(data, 5, b"\2"),
    "another machine": lambda data: changed(data, 18, b"\x08\0"),
    "a bit in the code": lambda data: changed(data, 0x1000, bytes([data[0x1000] ^ 1])),
    "more at the end": lambda data: data + b"more",
    "another's seal": lambda data: data[:-1] + bytes([data[-1] ^ 1]),
    "without its seal": lambda data: data[:-32],
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_not_as_it_was_built_is_built_again_once(
    damage: str, fresh: Toolchain, caplog: pytest.LogCaptureFixture
) -> None:
    first = built(fresh)
    first.path.write_bytes(DAMAGES[damage](first.path.read_bytes()))
    with caplog.at_level(logging.WARNING, "polydl"):
        again = built(fresh)
    assert again.path == first.path and not again.cached
    assert [str(first.path) in record.getMessage() for record in caplog.records] == [True]
    assert built(fresh).cached
    assert called(again.path) == 7


@pytest.mark.parametrize("how", UNTRUSTED)
def test_what_others_can_have_written_is_built_again(how: str, fresh: Toolchain) -> None:
    """A planted library would run as whoever measures."""
    first = built(fresh)
    untrusted(first.path, how)
    assert not built(fresh).cached
    assert built(fresh).cached
    assert first.path.stat().st_mode & 0o077 == 0


def test_a_link_to_another_library_is_built_again(fresh: Toolchain) -> None:
    first, other = built(fresh), build("int f(void) { return 8; }", False, fresh)
    assert isinstance(other, Built)
    first.path.unlink()
    first.path.symlink_to(other.path)
    assert called(built(fresh).path) == 7
    shutil.copy(other.path, first.path)  # whole, but not what its name says
    assert not built(fresh).cached


def test_a_library_keeps_its_bytes_and_loads_with_its_seal(fresh: Toolchain) -> None:
    plain = library_bytes(built(fresh).path)
    assert plain is not None
    keep_library(plain, fresh.cache / "kept.so")
    assert library_bytes(fresh.cache / "kept.so") == plain
    assert called(fresh.cache / "kept.so") == 7
    assert library_bytes(fresh.cache / "nothing.so") is None


REFUSED = [name for name in DAMAGES if "seal" not in name and "bit" not in name]


@pytest.mark.parametrize("damage", [name for name in REFUSED if not name.startswith("more")])
def test_what_no_loader_takes_is_never_kept(damage: str, fresh: Toolchain) -> None:
    plain = library_bytes(built(fresh).path)
    assert plain is not None
    with pytest.raises(NoLibrary):
        keep_library(DAMAGES[damage](plain), fresh.cache / "kept.so")
    assert not (fresh.cache / "kept.so").exists()


def test_a_program_is_no_library() -> None:
    relocatable = bytearray(Path("/proc/self/exe").read_bytes()[:64]).ljust(4096, b"\0")
    relocatable[16] = 1  # ET_REL, what `cc -c` makes
    with pytest.raises(NoLibrary, match="no shared library"):
        check_library(bytes(relocatable))
