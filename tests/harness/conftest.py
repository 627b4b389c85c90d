"""One toolchain and one small problem's data for all tests of the harness."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from compiler.problem.specification import primitive_from
from harness.cli import main
from harness.failure import Failure
from harness.kernel import problem_data
from harness.kernel.expectation import computed
from harness.kernel.toolchain import Toolchain
from harness.measure.child import ChildSettings
from harness.measure.native import timing_library
from harness.measure.slot import Slot
from harness.record.journal import CampaignFolder
from tests.harness.campaigns import BRIEF
from tests.harness.matmul_kernels import SPEC
from tests.modules import alone


@pytest.fixture(scope="session")
def toolchain(build_cache: Path) -> Toolchain:
    """On the cache of commands that run with `build_cache`."""
    return Toolchain.opened(build_cache / "polydl")


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


@pytest.fixture(scope="session")
def small_campaign(
    shared: Path, tmp_path_factory: pytest.TempPathFactory, build_cache: Path
) -> CampaignFolder:
    """A real run of a second or two: two problems, a search, and each status but `failed`.

    The first process that asks for it makes it; the tests of all of them read it.
    """
    place, folder = shared / "small_campaign", tmp_path_factory.mktemp("real") / "small"
    words = [
        *("-m", "primitive=matmul", "primitive.sizes={m: 6, n: 16, k: 8},{m: 9, n: 32, k: 8}"),
        *("strategy=[roofline,top_k]", "strategy.top_k.k=2"),
        *("baseline=[onednn,naive,libxsmm]", "baseline.libxsmm.path=/nonexistent"),
        *(*BRIEF, "measure.processes=2", "measure.max_processes=2", f"campaign.dir={folder}"),
    ]
    with alone(place), pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(build_cache))
        if not place.exists():
            assert main(["run", *words]) == 0
            place.write_text(str(folder))
    return CampaignFolder(Path(place.read_text()))
