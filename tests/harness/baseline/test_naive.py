"""The floor: what it compiles, how, and on how many threads."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.baseline.baseline import Available, Missing, Prepared, Unprepared
from harness.baseline.naive import Naive
from harness.kernel.toolchain import Toolchain
from tests.harness.baseline.cases import check
from tests.harness.baseline.specs import conv2d, matmul, primitive

RUNNING_SUM = primitive(  # every loop of it reads what its last turn wrote
    matmul(),
    sizes={"n": 9},
    tensors={"a": ["n"], "c": ["n"]},
    constant=[],
    outside={"c": 0},
    statements=["c[n] = a[n] + c[n-1]"],
)


def test_is_compiled_at_o3(toolchain: Toolchain) -> None:
    told = check(Naive(toolchain), primitive(conv2d()))
    assert "untransformed nest" in str(told["implementation"])
    assert str(told["compiler_flags"]).startswith("-O3 -march=native")


def test_shares_its_outermost_loops_among_threads(toolchain: Toolchain) -> None:
    told = check(Naive(toolchain), primitive(conv2d()), threads=2)
    assert str(told["implementation"]).endswith("-O3, OpenMP")


def test_says_that_it_runs_on_one_thread(toolchain: Toolchain) -> None:
    told = check(Naive(toolchain), RUNNING_SUM, threads=2)
    assert str(told["implementation"]).endswith("-O3, one thread")


def test_comes_from_the_cache(toolchain: Toolchain) -> None:
    for cached in (False, True):
        answer = Naive(toolchain).prepare(primitive(matmul(k=11)), 1)
        assert isinstance(answer, Prepared)
        assert answer.cached is cached


def test_a_compiler_that_fails_is_a_failed_compilation(broken: Toolchain) -> None:
    answer = Naive(broken).prepare(primitive(matmul()), 1)
    assert isinstance(answer, Unprepared) and answer.stage == "compile"


def test_without_a_compiler_it_is_missing(
    tmp_path: Path, fresh: Toolchain, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(Naive(fresh).available(), Available)
    monkeypatch.setenv("PATH", str(tmp_path))
    bare = Toolchain.opened(tmp_path)
    answer = Naive(bare).available()
    assert isinstance(answer, Missing)
    assert "gcc" in answer.command
    assert isinstance(Naive(bare).prepare(primitive(matmul()), 1), Unprepared)
