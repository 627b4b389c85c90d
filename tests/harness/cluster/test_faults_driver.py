"""The driver itself: killed and resumed, interrupted, beside another one."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from harness.record.journal import CampaignFolder
from tests.harness.cluster.drivers import Driver, check_journal, swept
from tests.harness.cluster.faults import (
    CoreWatch,
    check_no_core_shared,
    check_nothing_left,
    measuring,
    wait_for,
)

pytestmark = pytest.mark.timeout(300)  # each starts Ray, beside whatever else is tested
UNITS = 4


def check_killed_driver(
    rng: random.Random, cache: Path, folder: Path, repeats: int, *cluster: str
) -> None:
    """SIGKILL at random instants; each resumed campaign measures what is missing."""
    units = repeats + 2
    log, where = folder.with_suffix(".log"), (*swept(units), *cluster)
    begin = f"campaign.dir={folder}"
    for repeat in range(repeats):
        driver = Driver(log, cache, *where, begin)
        driver.wait_for_lines(folder, rng.randrange(repeat, repeat + 2))
        time.sleep(rng.uniform(0, 1.0))
        driver.kill()
        check_nothing_left(cache / "polydl", folder.name, scratch=False)
        begin = f"campaign.resume={folder}"
    kept = CampaignFolder(folder).results()
    last = Driver(log, cache, *where, begin)
    assert last.status() == 0, last.told
    assert check_journal(folder, units) == {"ok": units}
    assert CampaignFolder(folder).results()[: len(kept)] == kept
    check_nothing_left(cache / "polydl", folder.name)


def test_a_killed_driver_is_resumed(rng: random.Random, build_cache: Path, tmp_path: Path) -> None:
    check_killed_driver(rng, build_cache, tmp_path / "killed", 1, "cluster=local")


def check_ctrl_c(cache: Path, folder: Path, *cluster: str) -> None:
    where = (*cluster, f"campaign.dir={folder}")
    units = 10 * UNITS  # so many that the campaign is not over before it is told
    driver = Driver(folder.with_suffix(".log"), cache, *swept(units), *where)
    driver.wait_for_lines(folder, 1)
    wait_for(lambda: bool(measuring(cache / "polydl")))
    driver.process.send_signal(signal.SIGINT)
    assert driver.status() == 130, driver.told
    told = driver.told.splitlines()[-1]
    assert told.startswith("polydl run: interrupted; go on with: polydl run campaign.resume=")
    check_nothing_left(cache / "polydl", folder.name)


def test_ctrl_c_ends_agents_and_children(build_cache: Path, tmp_path: Path) -> None:
    check_ctrl_c(build_cache, tmp_path / "stopped", "cluster=local")


def test_two_campaigns_on_one_host_share_no_core(build_cache: Path, tmp_path: Path) -> None:
    core = min(os.sched_getaffinity(0))
    names = ("one", "two")
    with CoreWatch(build_cache / "polydl") as watch:
        drivers = [
            Driver(
                tmp_path / f"{name}.log",
                build_cache,
                *swept(UNITS),
                f"cluster.cores=[{core}]",
                f"campaign.dir={tmp_path / name}",
            )
            for name in names
        ]
        assert [driver.status() for driver in drivers] == [0, 0], [d.told for d in drivers]
    assert not watch.clashes
    assert len(watch.parents[core]) == 2
    told = "".join(driver.told for driver in drivers)
    assert any(f"core {core} is held by pid " in told and f"campaign {n}" in told for n in names)
    check_no_core_shared([r for name in names for r in CampaignFolder(tmp_path / name).results()])
    for name in names:
        assert check_journal(tmp_path / name, UNITS) == {"ok": UNITS}
        check_nothing_left(build_cache / "polydl", name)
