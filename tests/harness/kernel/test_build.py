from __future__ import annotations

import os
import time
from dataclasses import replace

import pytest

from harness.failure import Failure
from harness.kernel.build import Built, build
from harness.kernel.c_compiler import CCompiler
from harness.kernel.toolchain import Toolchain
from tests.harness.accounts import untrusted


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


@pytest.mark.parametrize("script", ["exit 0", ': > "$out"', 'echo text > "$out"', 'mkdir "$out"'])
def test_a_compiler_that_makes_no_library_is_a_failure(script: str, fresh: Toolchain) -> None:
    """Each time: nothing of it is kept."""
    lying = fresh.cache / "lying"
    lying.write_text(f'#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done; out=$2; {script}\n')
    lying.chmod(0o755)
    liar = replace(fresh, found=CCompiler(str(lying), "lying", "any"))
    for _ in range(2):
        failed = build("int f;", False, liar)
        assert isinstance(failed, Failure) and failed.reason.startswith("lying: ")
        assert failed.reason.endswith(" was made")
    assert not list(fresh.cache.rglob("*.so"))


@pytest.mark.parametrize("what", ["file", *(["another's"] if os.geteuid() == 0 else [])])
def test_a_folder_of_the_cache_that_cannot_be_used_is_a_failure(
    what: str, fresh: Toolchain
) -> None:
    first = build("int f;", False, fresh)
    assert isinstance(first, Built)
    first.path.unlink()
    if what == "file":
        first.path.parent.rmdir()
        first.path.parent.touch()
    else:
        untrusted(first.path.parent, what)
    failed = build("int f;", False, fresh)
    assert isinstance(failed, Failure) and "cannot be used" in failed.reason
    assert str(first.path.parent) in failed.reason


def test_a_compiler_that_never_ends_is_stopped(fresh: Toolchain) -> None:
    stuck = fresh.cache / "stuck"
    stuck.write_text("#!/bin/sh\nsleep 60\n")
    stuck.chmod(0o755)
    slow = replace(fresh, found=CCompiler(str(stuck), "stuck", "any"))
    began = time.monotonic()
    failed = build("int f;", False, slow, time_limit=0.2)
    assert failed == Failure("compile", "timed out after 0.2 s of compiling")
    assert time.monotonic() - began < 30
