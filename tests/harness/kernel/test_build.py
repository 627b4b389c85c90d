from __future__ import annotations

import time
from pathlib import Path

import pytest

from harness.errors import EnvironmentProblem
from harness.failure import Failure
from harness.kernel.build import Built, CCompiler, build, compiler_found


def test_the_same_text_is_compiled_once(compiler: CCompiler, tmp_path: Path) -> None:
    first = build("int f(void) { return 1; }", False, compiler, tmp_path)
    again = build("int f(void) { return 1; }", False, compiler, tmp_path)
    other = build("int f(void) { return 2; }", False, compiler, tmp_path)
    openmp = build("int f(void) { return 1; }", True, compiler, tmp_path)
    assert isinstance(first, Built) and isinstance(again, Built)
    assert isinstance(other, Built) and isinstance(openmp, Built)
    assert not first.cached and first.seconds > 0
    assert again == Built(first.path, 0.0, cached=True)
    assert len({first.path, other.path, openmp.path}) == 3
    assert not list(tmp_path.rglob(".build-*"))


def test_text_that_does_not_compile_is_a_failure_in_one_line(
    compiler: CCompiler, tmp_path: Path
) -> None:
    failed = build("int f(void) { return unknown; }", False, compiler, tmp_path)
    assert isinstance(failed, Failure)
    assert failed.stage == "compile"
    assert "unknown" in failed.reason and "\n" not in failed.reason
    assert str(tmp_path) not in failed.reason
    assert not list(tmp_path.rglob("*.so"))


def test_a_compiler_that_never_ends_is_stopped(compiler: CCompiler, tmp_path: Path) -> None:
    stuck = tmp_path / "stuck"
    stuck.write_text("#!/bin/sh\nsleep 60\n")
    stuck.chmod(0o755)
    slow = CCompiler(str(stuck), "stuck", compiler.target)
    began = time.monotonic()
    failed = build("int f;", False, slow, tmp_path, time_limit=0.2)
    assert failed == Failure("compile", "timed out after 0.2 s of compiling")
    assert time.monotonic() - began < 30


def test_a_missing_compiler_says_what_to_install() -> None:
    with pytest.raises(EnvironmentProblem, match="'no-such-cc' not found; install"):
        compiler_found("no-such-cc")


def test_no_compiler_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(EnvironmentProblem, match=r"no C compiler found .*apt-get install gcc"):
        compiler_found()


def test_clang_is_told_to_use_the_wide_registers() -> None:
    clang = CCompiler("clang", "clang 17", "t", clang=True, wide=True)
    assert "-mprefer-vector-width=512" in clang.flags()
    assert "-mprefer-vector-width=512" not in CCompiler("gcc", "gcc 12", "t", wide=True).flags()
    assert "-fopenmp" in clang.flags(openmp=True)
