"""One Ray cluster of three nodes for all tests of joined clusters that kill nothing; seeds."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from tests.harness.cluster.faults import seeded
from tests.harness.cluster.ray_cluster import RayCluster, three_nodes


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[RayCluster]:
    cluster = three_nodes()
    yield cluster
    cluster.close()


@pytest.fixture
def rng(capsys: pytest.CaptureFixture[str]) -> random.Random:
    return seeded(capsys)
