"""Faults that test_kills.py has not, twenty times each."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.cluster.ray_pool import RayPool
from harness.record.journal import CampaignFolder
from tests.harness.cluster.drivers import Driver, check_journal, joining, swept
from tests.harness.cluster.faults import Joined, check_nothing_left, seeded
from tests.harness.cluster.ray_cluster import RayCluster, three_nodes
from tests.harness.cluster.test_faults import check_fault, stop_an_agent
from tests.harness.cluster.test_faults_driver import check_ctrl_c
from tests.harness.tracking.servers import MlflowServer

pytestmark = pytest.mark.soak
REPEATS = 20
UNITS = 4  # while MLflow's server dies


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    made = three_nodes()
    yield made
    made.close()


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def rng() -> random.Random:
    return seeded()


@pytest.fixture(scope="module")
def pool(cluster: RayCluster, cache: Path) -> Iterator[RayPool]:
    with Joined(cluster.address, cache / "polydl").pool() as opened:
        yield opened
    check_nothing_left(cache / "polydl")


@pytest.mark.parametrize("repeat", range(REPEATS))
def test_stopped_agents(
    repeat: int, cluster: RayCluster, pool: RayPool, rng: random.Random, cache: Path
) -> None:
    check_fault(stop_an_agent, cluster, pool, rng, cache / "polydl")


def test_ctrl_c(cluster: RayCluster, cache: Path, tmp_path: Path) -> None:
    check_ctrl_c(cache, tmp_path / "stopped", *joining(cluster.address))


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


@pytest.mark.parametrize("repeat", range(REPEATS))
def test_killed_mlflow_servers(
    repeat: int, rng: random.Random, cache: Path, tmp_path: Path
) -> None:
    server = MlflowServer(tmp_path)
    try:
        check_killed_server(server, rng, cache, tmp_path / "untracked")
    finally:
        server.kill()
