"""Two nodes in network namespaces, and the link between them cut at random instants."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.cluster.drivers import Driver, check_journal, joining, swept
from tests.harness.cluster.faults import REPEATS, check_nothing_left
from tests.harness.cluster.namespaces import ENV, LinkedNodes, inside

UNITS = 6


@pytest.fixture(scope="module")
def linked() -> Iterator[LinkedNodes]:
    nodes = LinkedNodes()
    yield nodes
    nodes.close()


def check_cut_link(linked: LinkedNodes, rng: random.Random, cache: Path, folder: Path) -> None:
    """What the far node had is measured by the near one; nobody waits for the far one."""
    driver = Driver(
        folder.with_suffix(".log"),
        cache,
        *swept(UNITS),
        *joining(linked.address),
        f"campaign.dir={folder}",
        before=inside(linked.head),
        environment=ENV,
    )
    driver.wait_for_lines(folder, rng.randrange(UNITS - 2))
    time.sleep(rng.uniform(0, 1.0))
    linked.cut()
    status = driver.status()
    counts = check_journal(folder, UNITS)
    assert (status, counts["ok"]) == (0, UNITS), driver.told
    linked.mend()
    check_nothing_left(cache / "polydl", folder.name)


@pytest.mark.parametrize("repeat", range(REPEATS))
def test_a_cut_link(
    repeat: int, linked: LinkedNodes, rng: random.Random, build_cache: Path, tmp_path: Path
) -> None:
    check_cut_link(linked, rng, build_cache, tmp_path / "cut")
