"""Three Ray nodes on this machine: a campaign over them, and its parts dying at random instants."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from harness.cluster.ray_pool import RayPool
from harness.cluster.serial_pool import SerialPool
from harness.settings import load_settings
from tests.harness.cluster.faults import (
    CAMPAIGN,
    TINY,
    Answers,
    CoreWatch,
    Joined,
    answered,
    check_answers,
    check_no_core_shared,
    check_nothing_left,
    measuring,
    struck,
    tiny_units,
    wait_for,
)
from tests.harness.cluster.ray_cluster import NAMES, RayCluster, shares
from tests.processes import names

pytestmark = pytest.mark.cluster
UNITS = 5


@pytest.fixture(scope="module")
def pool(ray_cluster: RayCluster, cache: Path) -> Iterator[RayPool]:
    """One for all faults: what was lost has to come back for the next."""
    with Joined(ray_cluster.address, cache).pool() as opened:
        yield opened
    check_nothing_left(cache)


def agents(cluster: RayCluster) -> list[psutil.Process]:
    """Those that run now, of any node."""
    running = (process for name in cluster.names for process in cluster.processes(name))
    return [process for process, name in names(running) if name.startswith("ray::Agent")]


def found(answers: Answers) -> set[tuple[object, ...]]:
    """What a campaign finds, whichever nodes did it."""
    return {
        (r.trial, r.contender, r.status, r.schedule, r.kernel)
        for _, outcome in answers
        for r in outcome.results
    }


def test_a_campaign_is_spread_over_the_nodes_and_shares_no_core(pool: RayPool, cache: Path) -> None:
    units = tiny_units(UNITS)
    nodes = {node.name: node for node in pool.nodes()}
    assert tuple(sorted(nodes)) == NAMES
    assert len({node.target for node in nodes.values()}) == 1
    with CoreWatch(cache) as watch:
        got = answered(pool, units)
    assert check_answers(units, got) == {"ok": len(units)}
    assert not watch.clashes
    results = [result for _, outcome in got for result in outcome.results]
    check_no_core_shared(results)
    share = dict(zip(NAMES, shares(), strict=True))
    assert {result.node for result in results} == set(NAMES)
    for result in results:
        assert set(result.cores) <= set(share[result.node])
        assert nodes[result.node].housekeeping[0] == share[result.node][0]
        assert result.versions["polydl"] and result.host["git_commit"] != "unknown"

    (settings,) = load_settings([*TINY, f"cluster.cores={list(shares()[0])}"])
    serial = SerialPool(
        choice=settings.cluster,
        architecture=settings.architecture,
        threads=1,
        campaign=CAMPAIGN,
        cache=cache,
        watch=lambda event: None,
    )
    with closing(serial):
        assert found(got) == found(answered(serial, units))


def test_a_late_node_with_a_wrong_label_ends_no_campaign(
    ray_cluster: RayCluster, pool: RayPool, caplog: pytest.LogCaptureFixture
) -> None:
    units = tiny_units(2)
    ray_cluster.add("node-d", ("two",))
    try:
        assert check_answers(units, answered(pool, units)) == {"ok": len(units)}
    finally:
        ray_cluster.remove("node-d")
    assert "node-d: the label polydl_cores=two is no list" in caplog.text


def kill_a_node(cluster: RayCluster, rng: random.Random, cache: Path) -> None:
    cluster.kill(rng.choice(NAMES[1:]))  # the driver joins the first


def kill_an_agent(cluster: RayCluster, rng: random.Random, cache: Path) -> None:
    wait_for(lambda: bool(agents(cluster)))
    rng.choice(agents(cluster)).kill()


def kill_a_child(cluster: RayCluster, rng: random.Random, cache: Path) -> None:
    wait_for(lambda: bool(measuring(cache)), seconds=15.0)
    for process in measuring(cache)[:1]:
        process.send_signal(signal.SIGKILL)


def stop_an_agent(cluster: RayCluster, rng: random.Random, cache: Path) -> None:
    """It is alive and says nothing any more."""
    wait_for(lambda: bool(agents(cluster)))
    rng.choice(agents(cluster)).suspend()


KILLS = (kill_a_node, kill_an_agent, kill_a_child)


def check_fault(
    fault: Callable[[RayCluster, random.Random, Path], None],
    cluster: RayCluster,
    pool: RayPool,
    rng: random.Random,
    cache: Path,
) -> None:
    """Some units with one fault among them at a random instant."""
    units = tiny_units(UNITS)
    got = struck(
        pool,
        units,
        lambda: fault(cluster, rng, cache),
        lambda: (rng.randrange(UNITS - 2), rng.uniform(0, 1.0)),
        cluster.restore,
    )
    counts = check_answers(units, got)
    assert counts["failed"] <= (1 if fault is kill_a_child else 0), got
    check_nothing_left(cache, scratch=False)  # agents keep it until they end


@pytest.mark.parametrize("fault", KILLS, ids=lambda fault: fault.__name__)
def test_faults(
    fault: Callable[[RayCluster, random.Random, Path], None],
    ray_cluster: RayCluster,
    pool: RayPool,
    rng: random.Random,
    cache: Path,
) -> None:
    check_fault(fault, ray_cluster, pool, rng, cache)
