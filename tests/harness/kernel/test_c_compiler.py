from __future__ import annotations

import pytest

from harness.kernel.c_compiler import CCompiler, NoCompiler, compiler_here


def test_no_compiler_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    found = compiler_here()
    assert isinstance(found, NoCompiler)
    assert "no C compiler found" in found.reason and "apt-get install gcc" in found.reason


def test_clang_is_told_to_use_the_wide_registers() -> None:
    clang = CCompiler("clang", "clang 17", "t", clang=True, wide=True)
    assert "-mprefer-vector-width=512" in clang.flags()
    assert "-mprefer-vector-width=512" not in CCompiler("gcc", "gcc 12", "t", wide=True).flags()
    assert "-fopenmp" in clang.flags(openmp=True)
