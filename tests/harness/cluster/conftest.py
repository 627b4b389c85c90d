"""One Ray cluster of three nodes for all tests of joined clusters; seeds."""

from __future__ import annotations

import os
import random
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.kernel.toolchain import Toolchain
from harness.measure.ceilings import host_architecture
from harness.measure.kept_ceilings import ceilings_file
from tests.harness.cluster.faults import seeded
from tests.harness.cluster.ray_cluster import RayCluster, three_nodes


@pytest.fixture(scope="package", autouse=True)
def left_as_it_was() -> Iterator[None]:
    """Ray sets variables and takes SIGTERM for good: not for the tests of other folders."""
    handler = signal.getsignal(signal.SIGTERM)
    before = {name: value for name, value in os.environ.items() if name.startswith("RAY_")}
    yield
    signal.signal(signal.SIGTERM, handler)
    for name in [name for name in os.environ if name.startswith("RAY_")]:
        del os.environ[name]
    os.environ.update(before)


@pytest.fixture(scope="session")
def build_cache(build_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of these tests alone: they look at who measures with it. It knows the host."""
    common, own = Toolchain.opened(build_cache / "polydl"), tmp_path_factory.mktemp("build_cache")
    host_architecture(common)
    shutil.copy(ceilings_file(common), Toolchain.opened(own / "polydl").cache)
    return own


@pytest.fixture(scope="session")
def cache(build_cache: Path) -> Path:
    """polydl's folder in it."""
    return build_cache / "polydl"


@pytest.fixture(scope="package")
def ray_cluster() -> Iterator[RayCluster]:
    cluster = three_nodes()
    yield cluster
    cluster.close()


@pytest.fixture
def rng() -> random.Random:
    return seeded()
