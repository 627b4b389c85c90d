from __future__ import annotations

import time
from dataclasses import replace

from harness.failure import Failure
from harness.kernel.build import Built, build
from harness.kernel.c_compiler import CCompiler
from harness.kernel.toolchain import Toolchain


def test_the_same_text_is_compiled_once(fresh: Toolchain) -> None:
    first = build("int f(void) { return 1; }", False, fresh)
    again = build("int f(void) { return 1; }", False, fresh)
    other = build("int f(void) { return 2; }", False, fresh)
    openmp = build("int f(void) { return 1; }", True, fresh)
    assert isinstance(first, Built) and isinstance(again, Built)
    assert isinstance(other, Built) and isinstance(openmp, Built)
    assert not first.cached and first.seconds > 0
    assert again == Built(first.path, 0.0, cached=True)
    assert len({first.path, other.path, openmp.path}) == 3
    assert not list(fresh.cache.rglob(".build-*"))


def test_text_that_does_not_compile_is_a_failure_in_one_line(fresh: Toolchain) -> None:
    failed = build("int f(void) { return unknown; }", False, fresh)
    assert isinstance(failed, Failure)
    assert failed.stage == "compile"
    assert "unknown" in failed.reason and "\n" not in failed.reason
    assert str(fresh.cache) not in failed.reason
    assert not list(fresh.cache.rglob("*.so"))


def test_a_compiler_that_never_ends_is_stopped(fresh: Toolchain) -> None:
    stuck = fresh.cache / "stuck"
    stuck.write_text("#!/bin/sh\nsleep 60\n")
    stuck.chmod(0o755)
    slow = replace(fresh, found=CCompiler(str(stuck), "stuck", "any"))
    began = time.monotonic()
    failed = build("int f;", False, slow, time_limit=0.2)
    assert failed == Failure("compile", "timed out after 0.2 s of compiling")
    assert time.monotonic() - began < 30
