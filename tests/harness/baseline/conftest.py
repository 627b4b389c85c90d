"""Libraries, looked for once."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.baseline.baseline import Missing
from harness.baseline.libxsmm.libxsmm import TOOL, Libxsmm
from harness.baseline.onednn.onednn import OneDnn
from harness.baseline.tool.environment import install
from harness.errors import EnvironmentProblem
from harness.kernel.toolchain import Toolchain
from harness.settings import cache_folder
from tests.modules import alone


@pytest.fixture(scope="session")
def onednn(toolchain: Toolchain) -> OneDnn:
    found = OneDnn(toolchain)
    answer = found.available()
    if isinstance(answer, Missing):
        pytest.fail(str(answer))
    return found


@pytest.fixture(scope="session")
def libxsmm_path(shared: Path) -> str | None:
    """Where LIBXSMM is installed: found, or fetched for this run; None where neither can be."""
    with alone(shared / "libxsmm"):
        for folder in (cache_folder(), shared / "libxsmm"):
            toolchain = Toolchain.opened(folder)
            baseline = Libxsmm(toolchain)
            answer = baseline.available()
            if isinstance(answer, Missing) and folder != cache_folder():
                try:
                    install(TOOL, toolchain, print)
                except EnvironmentProblem:
                    return None
                answer = baseline.available()
            if not isinstance(answer, Missing):
                return str(Path(answer.facts["libxsmm_library"]).parents[1])
        return None
