"""One compiler, one cache and one small problem's data for all tests of the harness."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from compiler.problem.specification import primitive_from
from harness.failure import Failure
from harness.kernel import problem_data
from harness.kernel.build import CCompiler, compiler_found
from harness.kernel.expectation import computed
from harness.measure.child import ChildSettings
from harness.measure.native import timing_library
from harness.measure.slot import Slot
from tests.harness.matmul_kernels import SPEC


@pytest.fixture(scope="session")
def compiler() -> CCompiler:
    return compiler_found()


@pytest.fixture(scope="session")
def build_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("build_cache")


@pytest.fixture(scope="session")
def matmul_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Inputs and reference of tests.harness.matmul_kernels.SPEC."""
    folder = tmp_path_factory.mktemp("matmul") / "data"
    problem_data.save(computed(primitive_from(SPEC), seed=0), folder)
    return folder


@pytest.fixture(scope="session")
def child_settings(compiler: CCompiler, build_cache: Path) -> ChildSettings:
    timer = timing_library(compiler, build_cache)
    assert not isinstance(timer, Failure)
    return ChildSettings(Slot((max(os.sched_getaffinity(0)),)), timer)
