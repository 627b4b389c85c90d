"""An MLflow server that dies under a campaign."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.record.journal import CampaignFolder
from tests.harness.cluster.drivers import Driver, check_journal, swept
from tests.harness.cluster.faults import check_nothing_left
from tests.harness.tracking.servers import MlflowServer

UNITS = 4


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MlflowServer]:
    one = MlflowServer(tmp_path)
    yield one
    one.kill()


def check_killed_server(
    server: MlflowServer, rng: random.Random, cache: Path, folder: Path
) -> None:
    """The campaign goes on with its journal alone, and says how MLflow is made complete."""
    server.wait()
    tracking = ("tracking=mlflow", f"tracking.uri={server.address}")
    plain = [word for word in swept(UNITS) if not word.startswith("tracking")]
    where = ("cluster=serial", f"campaign.dir={folder}")
    driver = Driver(folder.with_suffix(".log"), cache, *plain, *tracking, *where)
    driver.wait_for_lines(folder, rng.randrange(UNITS - 1))
    time.sleep(rng.uniform(0, 0.5))
    missed = UNITS - len(CampaignFolder(folder).results())  # at most, since they go on
    server.kill()
    assert driver.status() == 0, driver.told
    assert check_journal(folder, UNITS) == {"ok": UNITS}
    assert missed <= 1 or f"polydl sync {folder}" in driver.told
    check_nothing_left(cache / "polydl", folder.name)


def test_a_killed_mlflow_server(
    server: MlflowServer, rng: random.Random, build_cache: Path, tmp_path: Path
) -> None:
    check_killed_server(server, rng, build_cache, tmp_path / "untracked")
