"""Adapters that do not compile, not in time, or do not load are one line."""

from __future__ import annotations

import pytest

from harness.baseline.adapter import build
from harness.baseline.adapter.build import AdapterBuildError, build_adapter, cxx_compiler
from harness.kernel.toolchain import Toolchain

HALF = 'extern "C" int nowhere(); extern "C" int run() { return nowhere(); }'


def _built(toolchain: Toolchain, text: str) -> None:
    source = toolchain.cache / "adapter.cpp"
    source.write_text(text)
    compiler = cxx_compiler()
    assert compiler is not None
    build_adapter(source, compiler, flags=(), library=None, version="1", toolchain=toolchain)


def test_what_does_not_compile_in_time(fresh: Toolchain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "TIME_LIMIT", 0.001)
    with pytest.raises(AdapterBuildError, match=r"adapter.cpp: not compiled in 0 s"):
        _built(fresh, HALF)


def test_what_does_not_load(fresh: Toolchain) -> None:
    with pytest.raises(AdapterBuildError, match=r"adapter.cpp does not load: .*nowhere"):
        _built(fresh, HALF)


def test_what_is_no_program(fresh: Toolchain) -> None:
    with pytest.raises(AdapterBuildError, match=r"adapter.cpp: .*error"):
        _built(fresh, "int run( {")
