"""One toolchain and one small problem's data for all tests of the harness."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from compiler.problem.specification import primitive_from
from harness.failure import Failure
from harness.kernel import problem_data
from harness.kernel.expectation import computed
from harness.kernel.toolchain import Toolchain
from harness.measure.child import ChildSettings
from harness.measure.native import timing_library
from harness.measure.slot import Slot
from tests.harness.matmul_kernels import SPEC


@pytest.fixture(scope="session")
def build_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("build_cache")


@pytest.fixture(scope="session")
def toolchain(build_cache: Path) -> Toolchain:
    return Toolchain.opened(build_cache)


@pytest.fixture
def fresh(tmp_path: Path) -> Toolchain:
    """One whose cache is an empty folder, `tmp_path`."""
    return Toolchain.opened(tmp_path)


@pytest.fixture
def broken(fresh: Toolchain) -> Toolchain:
    """One whose compiler answers when it is looked for and then compiles nothing."""
    return replace(fresh, found=replace(fresh.compiler, path="/bin/false"))


@pytest.fixture(scope="session")
def matmul_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Inputs and reference of tests.harness.matmul_kernels.SPEC."""
    folder = tmp_path_factory.mktemp("matmul") / "data"
    problem_data.save(computed(primitive_from(SPEC), seed=0), folder)
    return folder


@pytest.fixture(scope="session")
def child_settings(toolchain: Toolchain) -> ChildSettings:
    timer = timing_library(toolchain)
    assert not isinstance(timer, Failure)
    return ChildSettings(Slot((max(os.sched_getaffinity(0)),)), timer)
