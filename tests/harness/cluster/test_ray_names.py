"""Names inside Ray: versions that may lack them are refused before one is used."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import ray

from harness.cluster.ray_names import NEWER, OLDEST, check_version
from harness.errors import EnvironmentProblem

PROJECT = Path(__file__).resolve().parents[3] / "pyproject.toml"


def test_the_project_asks_for_the_same_versions() -> None:
    extras = tomllib.loads(PROJECT.read_text())["project"]["optional-dependencies"]
    least, below = (".".join(map(str, bound)) for bound in (OLDEST, NEWER))
    assert extras["cluster"] == [f"ray>={least},<{below}"]


@pytest.mark.parametrize("version", ["2.52.1", "2.61.0", "3.0.0", "2.9.3", "3.0.0.dev0", "unknown"])
def test_other_versions_are_refused_with_the_command_that_mends_it(version: str) -> None:
    with pytest.raises(EnvironmentProblem) as caught:
        check_version(version)
    assert str(caught.value).startswith(f"Ray {version} is installed; ")
    assert "pip install" in str(caught.value)


@pytest.mark.parametrize("version", ["2.53.0", "2.60.3", ray.__version__])
def test_known_versions(version: str) -> None:
    check_version(version)
