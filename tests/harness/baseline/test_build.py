"""Adapters in the cache: whole, and nobody else's."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

from harness.baseline.adapter.build import (
    AdapterBuildError,
    BuiltAdapter,
    build_adapter,
    cxx_compiler,
)
from harness.kernel.toolchain import Toolchain
from tests.harness.accounts import UNTRUSTED, untrusted


def built(toolchain: Toolchain, source: Path) -> BuiltAdapter:
    compiler = cxx_compiler()
    assert compiler is not None
    return build_adapter(source, compiler, flags=(), library=None, version="1", toolchain=toolchain)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "seven.cpp").write_text('extern "C" int f() { return 7; }')
    return tmp_path / "seven.cpp"


@pytest.mark.parametrize("how", ["emptied", "cut short", "text", *UNTRUSTED])
def test_one_that_is_not_as_it_was_built_is_built_again_once(
    how: str, source: Path, fresh: Toolchain
) -> None:
    first = built(fresh, source)
    assert not first.cached and built(fresh, source) == BuiltAdapter(first.path, cached=True)
    if how in UNTRUSTED:
        untrusted(first.path, how)
    else:
        data = first.path.read_bytes()
        first.path.write_bytes({"emptied": b"", "cut short": data[:-99], "text": b"no"}[how])
    assert built(fresh, source) == first
    assert built(fresh, source).cached
    assert ctypes.CDLL(str(first.path)).f() == 7
    assert [path.name for path in first.path.parent.iterdir()] == [first.path.name]


def test_a_folder_that_cannot_be_used_is_one_line(source: Path, fresh: Toolchain) -> None:
    (fresh.cache / "adapters").touch()
    with pytest.raises(AdapterBuildError, match="cannot be used: it is no folder"):
        built(fresh, source)
