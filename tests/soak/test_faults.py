"""Every fault of tests/harness/cluster twenty times, each at another random instant."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.cluster.ray_pool import RayPool
from tests.harness.cluster.drivers import joining
from tests.harness.cluster.faults import Joined, check_nothing_left, seeded
from tests.harness.cluster.namespaces import LinkedNodes
from tests.harness.cluster.ray_cluster import RayCluster, three_nodes
from tests.harness.cluster.test_faults import FAULTS, check_fault
from tests.harness.cluster.test_faults_driver import check_ctrl_c, check_killed_driver
from tests.harness.cluster.test_faults_link import check_cut_links
from tests.harness.cluster.test_faults_server import MlflowServer, check_killed_server

pytestmark = pytest.mark.soak
REPEATS = 20
KILLS, CUTS = 4, 2  # of one campaign


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    made = three_nodes()
    yield made
    made.close()


@pytest.fixture(scope="module")
def linked() -> Iterator[LinkedNodes]:
    nodes = LinkedNodes(far=CUTS)
    yield nodes
    nodes.close()


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def rng(capsys: pytest.CaptureFixture[str]) -> random.Random:
    return seeded(capsys)


@pytest.fixture(scope="module")
def pool(cluster: RayCluster, cache: Path) -> Iterator[RayPool]:
    with Joined(cluster.address, cache / "polydl").pool() as opened:
        yield opened
    check_nothing_left(cache / "polydl")


@pytest.mark.parametrize("repeat", range(REPEATS))
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_faults(
    fault: Callable[[RayCluster, random.Random, Path], None],
    repeat: int,
    cluster: RayCluster,
    pool: RayPool,
    rng: random.Random,
    cache: Path,
) -> None:
    check_fault(fault, cluster, pool, rng, cache / "polydl")


@pytest.mark.parametrize("campaign", range(REPEATS // KILLS))
def test_killed_drivers(
    campaign: int, cluster: RayCluster, rng: random.Random, cache: Path, tmp_path: Path
) -> None:
    where = joining(cluster.address)
    check_killed_driver(rng, cache, tmp_path / "killed", KILLS, *where)


def test_ctrl_c(cluster: RayCluster, cache: Path, tmp_path: Path) -> None:
    check_ctrl_c(cache, tmp_path / "stopped", *joining(cluster.address))


@pytest.mark.parametrize("repeat", range(REPEATS))
def test_killed_mlflow_servers(
    repeat: int, rng: random.Random, cache: Path, tmp_path: Path
) -> None:
    server = MlflowServer(tmp_path)
    try:
        check_killed_server(server, rng, cache, tmp_path / "untracked")
    finally:
        server.kill()


@pytest.mark.parametrize("campaign", range(REPEATS // CUTS))
def test_cut_links(
    campaign: int, linked: LinkedNodes, rng: random.Random, cache: Path, tmp_path: Path
) -> None:
    check_cut_links(linked, rng, cache, tmp_path / "cut", CUTS)
