"""Nodes in network namespaces, and the links between them cut at random instants."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.cluster.drivers import Driver, check_journal, joining, swept
from tests.harness.cluster.faults import check_nothing_left
from tests.harness.cluster.namespaces import ENV, LinkedNodes, inside

pytestmark = [pytest.mark.cluster, pytest.mark.soak, pytest.mark.needs("ip")]
UNITS = 5


@pytest.fixture(scope="module")
def linked() -> Iterator[LinkedNodes]:
    nodes = LinkedNodes(far=1)
    yield nodes
    nodes.close()


def check_cut_links(
    linked: LinkedNodes, rng: random.Random, cache: Path, folder: Path, cuts: int
) -> None:
    """What a far node had is measured by others; nobody waits for it."""
    linked.mend()
    driver = Driver(
        folder.with_suffix(".log"),
        cache,
        *swept(UNITS),
        *joining(linked.address),
        f"campaign.dir={folder}",
        before=inside(linked.head),
        environment=ENV,
    )
    for number in range(1, cuts + 1):
        driver.wait_for_lines(folder, rng.randrange(number - 1, UNITS - cuts))
        time.sleep(rng.uniform(0, 1.0))
        linked.cut(number)
    status = driver.status()
    counts = check_journal(folder, UNITS)
    assert (status, counts["ok"]) == (0, UNITS), driver.told
    check_nothing_left(cache / "polydl", folder.name)


def test_cut_links(
    linked: LinkedNodes, rng: random.Random, build_cache: Path, tmp_path: Path
) -> None:
    check_cut_links(linked, rng, build_cache, tmp_path / "cut", 1)
