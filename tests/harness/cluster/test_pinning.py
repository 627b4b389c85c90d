"""What undoes pinning is told with what mends it."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.cluster.pinning import KUBERNETES, Pinning, pinning_here


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """Eight processors, two threads a core: 0 and 4, 1 and 5, ..."""
    root = tmp_path / "cpu"
    for processor in range(8):
        folder = root / f"cpu{processor}" / "topology"
        folder.mkdir(parents=True)
        first = processor % 4
        (folder / "thread_siblings_list").write_text(f"{first},{first + 4}\n")
    (root / "online").write_text("0-7\n")
    return root


def found(machine: Path, allowed: set[int], quota: str = "max", pod: bool = True) -> list[Pinning]:
    groups, own = machine.parent / "cgroup", machine.parent / "self"
    groups.mkdir(exist_ok=True)
    (groups / "cpu.max").write_text(f"{quota} 100000\n")
    own.write_text("0::/\n")
    environment = {KUBERNETES: "10.0.0.1"} if pod else {}
    return list(pinning_here(machine, groups, own, environment, frozenset(allowed)))


def test_a_whole_machine_has_nothing_to_say(machine: Path) -> None:
    assert found(machine, set(range(8)), pod=False) == [Pinning("CPU quota", "none")]


def test_a_guaranteed_pod_with_whole_cores_is_in_order(machine: Path) -> None:
    """As the kubelet's static manager gives it: a quota of exactly the processors."""
    told = found(machine, {1, 5, 2, 6}, quota="400000")
    assert [one.topic for one in told] == ["CPU quota", "processors", "Kubernetes"]
    assert not any(one.advice for one in told)
    assert told[1].value == "4 of 8 processors, whole cores"


def test_a_quota_below_the_processors(machine: Path) -> None:
    quota, *_ = found(machine, set(range(8)), quota="250000", pod=False)
    assert quota.value.startswith("2.5 CPUs for 8 processors")
    assert "--cpuset-cpus" in quota.advice


def test_halves_of_cores(machine: Path) -> None:
    _, processors, _ = found(machine, {1, 2, 6})
    assert processors.value == "3 of 8 processors, of 1 a sibling is somebody else's"
    assert "full-pcpus-only" in processors.advice


def test_the_shared_pool_of_kubernetes(machine: Path) -> None:
    _, kubernetes = found(machine, set(range(8)))
    assert "that all containers share" in kubernetes.value
    assert "cpuManagerPolicy: static" in kubernetes.advice


def test_here() -> None:
    assert pinning_here()[0].topic == "CPU quota"
