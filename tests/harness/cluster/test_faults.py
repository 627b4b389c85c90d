"""Three Ray nodes on this machine: a campaign over them, and its parts dying at random instants."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from harness.cluster.serial_pool import SerialPool
from harness.settings import load_settings
from tests.harness.cluster.faults import (
    CAMPAIGN,
    REPEATS,
    TINY,
    Answers,
    CoreWatch,
    Joined,
    answered,
    check_answers,
    check_nothing_left,
    measuring,
    tiny_units,
    wait_for,
)
from tests.harness.cluster.ray_cluster import NAMES, RayCluster, shares, three_nodes

UNITS = 6


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    """One of our own, since nodes of it are killed."""
    made = three_nodes()
    yield made
    made.close()


def agent_of(cluster: RayCluster, name: str) -> psutil.Process | None:
    found = [p for p in cluster.processes(name) if p.name().startswith("ray::Agent")]
    return found[0] if found else None


def test_a_campaign_is_spread_over_the_nodes_and_shares_no_core(
    cluster: RayCluster, build_cache: Path
) -> None:
    units = tiny_units(9)
    joined = Joined(cluster.address, build_cache)
    with joined.pool() as pool, CoreWatch(build_cache) as watch:
        assert len(pool.nodes()) == len(NAMES)
        got = answered(pool, units)
    assert check_answers(units, got) == {"ok": len(units)}
    check_nothing_left(build_cache)
    assert not watch.clashes
    assert set(watch.parents) <= {core for share in shares() for core in share}
    agents = {parent for parents in watch.parents.values() for parent in parents}
    assert len(agents) == len(NAMES)  # every node has measured

    (settings,) = load_settings([*TINY, f"cluster.cores={list(shares()[0])}"])
    serial = SerialPool(
        choice=settings.cluster,
        architecture=settings.architecture,
        threads=1,
        campaign=CAMPAIGN,
        cache_dir=build_cache,
        watch=lambda event: None,
    )
    with closing(serial):
        alone = answered(serial, units)

    def found(answers: Answers) -> set[tuple[object, ...]]:
        return {
            (r.trial, r.contender, r.status, r.schedule, r.kernel)
            for _, outcome in answers
            for r in outcome.results
        }

    assert found(got) == found(alone)


def kill_a_node(cluster: RayCluster, rng: random.Random, cache: Path) -> None:
    name = rng.choice(NAMES[1:])  # the driver joins the first
    cluster.kill(name)


def kill_an_agent(cluster: RayCluster, rng: random.Random, cache: Path) -> None:
    agents = [agent for name in NAMES if (agent := agent_of(cluster, name)) is not None]
    rng.choice(agents).kill()


def kill_a_child(cluster: RayCluster, rng: random.Random, cache: Path) -> None:
    wait_for(lambda: bool(measuring(cache)))
    for process in measuring(cache)[:1]:
        process.send_signal(signal.SIGKILL)


def stop_an_agent(cluster: RayCluster, rng: random.Random, cache: Path) -> None:
    """It is alive and says nothing any more."""
    agents = [agent for name in NAMES if (agent := agent_of(cluster, name)) is not None]
    rng.choice(agents).suspend()


FAULTS = (kill_a_node, kill_an_agent, kill_a_child, stop_an_agent)


def check_fault(
    fault: Callable[[RayCluster, random.Random, Path], None],
    cluster: RayCluster,
    rng: random.Random,
    cache: Path,
) -> None:
    """One campaign with one fault at a random instant."""
    units = tiny_units(UNITS)
    after, delay = rng.randrange(UNITS - 2), rng.uniform(0, 1.0)
    with Joined(cluster.address, cache).pool() as pool:
        got = answered(pool, units, lambda: fault(cluster, rng, cache), after, delay)
    counts = check_answers(units, got)
    assert counts["failed"] <= (1 if fault is kill_a_child else 0), got
    check_nothing_left(cache)
    for name, cores in zip(NAMES, shares(), strict=True):
        if name not in cluster.names:
            cluster.add(name, cores)


@pytest.mark.parametrize("repeat", range(REPEATS))
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_faults(
    fault: Callable[[RayCluster, random.Random, Path], None],
    repeat: int,
    cluster: RayCluster,
    rng: random.Random,
    build_cache: Path,
) -> None:
    check_fault(fault, cluster, rng, build_cache)
