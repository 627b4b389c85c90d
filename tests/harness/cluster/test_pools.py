"""What every pool must do, with real measurements of a toy problem."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import ray

from harness.account import temporary_folder
from harness.cluster.pool import Event, Pool, lost
from harness.cluster.ray_pool import RayPool
from harness.cluster.serial_pool import SerialPool
from harness.settings import load_settings
from harness.unit import Unit
from tests.harness.campaigns import BRIEF, NODE, TOY, plan_from
from tests.harness.cluster.ray_cluster import CLUSTERS
from tests.processes import connections, family, heard

pytestmark = pytest.mark.cluster
POOLS: dict[str, Callable[..., Pool]] = {"serial": SerialPool, "local": RayPool}


class Opened:
    """A pool with what it told its onlooker."""

    def __init__(self, kind: str, cache: Path) -> None:
        (settings,) = load_settings([*TOY, f"cluster={kind}"])
        self.events: list[Event] = []
        self.pool: Pool = POOLS[kind](
            choice=settings.cluster,
            architecture=settings.architecture,
            threads=1,
            campaign="toy",
            cache=cache,
            watch=self.events.append,
        )


@pytest.fixture(scope="module", params=POOLS)
def opened(request: pytest.FixtureRequest, cache: Path) -> Iterator[Opened]:
    affinity, before = os.sched_getaffinity(0), ours()
    one = Opened(request.param, cache)
    assert os.sched_getaffinity(0) == affinity
    yield one
    one.pool.close()
    one.pool.close()
    assert ours() <= before


def ours() -> set[psutil.Process]:
    """This process and all below it; a cluster of other tests may be among them."""
    return set(family(os.getpid()))


def units(count: int) -> list[Unit]:
    sizes = ",".join(str(8 * (i + 1)) for i in range(count))
    sweep = "-m" if count > 1 else "seed=0"
    return list(plan_from(sweep, *TOY, f"primitive.sizes.n={sizes}", *BRIEF, "baseline=[]").units)


def test_nodes_are_described(opened: Opened) -> None:
    (node,) = opened.pool.nodes()
    assert node.slots >= 1
    assert node.architecture.peak and node.architecture.peak > 1
    assert node.facts["fingerprint"] == node.fingerprint
    assert node.free_bytes > 0


def test_nothing_listens_beyond_loopback(opened: Opened) -> None:
    opened.pool.nodes()
    assert {ip.removeprefix("::ffff:") for ip in heard(ours())} <= {"127.0.0.1", "::1"}


def test_nobody_else_gets_at_a_local_ray(opened: Opened) -> None:
    """It opens its own folder to all users, who could move its sockets: the one above is closed."""
    if isinstance(opened.pool, RayPool):
        sessions = Path(ray._private.worker._global_node.get_temp_dir_path())
        assert sessions.parent == temporary_folder()
        assert list(sessions.glob("session_*/sockets/plasma_store"))
    held = {
        connection.laddr
        for connection in connections(ours(), "unix")
        if connection.laddr and "session" in connection.laddr
    }
    held = {path for path in held if CLUSTERS not in path}  # this process joined one before
    assert all(Path(path).is_relative_to(temporary_folder()) for path in held)
    assert not temporary_folder().exists() or temporary_folder().stat().st_mode & 0o077 == 0


def test_every_unit_is_answered_once(opened: Opened) -> None:
    submitted = units(3)
    for unit in submitted:
        opened.pool.submit(unit)
    answered = list(opened.pool.outcomes())
    assert {unit.key for unit, _ in answered} == {unit.key for unit in submitted}
    assert len(answered) == 3
    for unit, outcome in answered:
        (result,) = outcome.results
        assert result.status == "ok", result.reason
        assert result.problem["name"] == unit.problem.name
        assert result.trial == unit.trial(unit.contenders[0], opened.pool.nodes()[0].fingerprint)
    assert not list(opened.pool.outcomes())
    steps = {event.step for event in opened.events}
    # a measurement shorter than a heartbeat is only seen as sent
    begun = "measuring" if isinstance(opened.pool, SerialPool) else "prepared"
    assert {"preparing", begun} <= steps


def test_a_failed_contender_is_an_outcome(opened: Opened) -> None:
    never_compiled = "primitive.sizes={m: 5, n: 24, k: 9}"
    (unit,) = plan_from(
        "primitive=matmul", never_compiled, *BRIEF, "baseline=[]", "measure.compile_seconds=0.001"
    ).units
    opened.pool.submit(unit)
    ((_, outcome),) = opened.pool.outcomes()
    (result,) = outcome.results
    assert (result.status, result.stage) == ("failed", "compile")
    assert "timed out" in str(result.reason)


def test_a_lost_unit_fails_whole() -> None:
    (unit,) = plan_from(*TOY).units
    outcome = lost(unit, "measure", "the node died", NODE)
    assert [r.contender for r in outcome.results] == ["roofline", "onednn"]
    assert {(r.status, r.stage, r.reason) for r in outcome.results} == {
        ("failed", "measure", "the node died")
    }
    assert outcome.results[0].trial == unit.trial(unit.contenders[0], NODE.fingerprint)
