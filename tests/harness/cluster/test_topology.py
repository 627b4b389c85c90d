from __future__ import annotations

import os
from pathlib import Path

from harness.cluster.topology import permitted, topology_found, whole_machine
from harness.measure.sysfs import caches, processor_list
from tests.harness.cluster.sysfs_tree import written


def test_siblings_are_one_core(tmp_path: Path) -> None:
    root = written(tmp_path, packages=1, cores=4, threads=2)
    found = topology_found(range(8), root)
    assert [core.processors for core in found.cores] == [(0, 4), (1, 5), (2, 6), (3, 7)]
    assert found.smt and found.numa_nodes == (0,)


def test_packages_nodes_and_cache_domains(tmp_path: Path) -> None:
    root = written(tmp_path, packages=2, cores=4, nodes=2, cores_per_cache=2)
    found = topology_found(range(8), root)
    assert [core.package for core in found.cores] == [0] * 4 + [1] * 4
    assert [core.numa_node for core in found.cores] == [0] * 4 + [1] * 4
    assert [core.last_level for core in found.cores] == [0, 0, 2, 2, 4, 4, 6, 6]


def test_only_allowed_processors_count(tmp_path: Path) -> None:
    root = written(tmp_path, packages=1, cores=4, threads=2)
    found = topology_found({1, 5, 6}, root)
    assert [core.processors for core in found.cores] == [(1, 5), (6,)]


def test_nothing_under_sys_is_one_core_a_processor(tmp_path: Path) -> None:
    found = topology_found({0, 3}, tmp_path)
    assert [core.name for core in found.cores] == [0, 3]


def test_this_host() -> None:
    found = topology_found()
    processors = {p for core in found.cores for p in core.processors}
    assert processors == set(os.sched_getaffinity(0))


def test_what_may_be_used_is_more_than_what_is_used_now() -> None:
    before = os.sched_getaffinity(0)
    assert permitted() >= before
    assert os.sched_getaffinity(0) == before


def test_the_whole_machine_is_what_is_on_line(tmp_path: Path) -> None:
    root = written(tmp_path, packages=1, cores=4)
    (tmp_path / "online").write_text("0,2-3\n")
    assert [core.name for core in whole_machine(root).cores] == [0, 2, 3]


def test_data_caches_only(tmp_path: Path) -> None:
    root = written(tmp_path, packages=1, cores=2, threads=2)
    levels = caches(0, root)
    assert [(c.level, c.bytes) for c in levels] == [(1, 32 << 10), (2, 1 << 20), (3, 32 << 20)]
    assert levels[2].processors == (0, 1, 2, 3)


def test_processor_lists() -> None:
    assert processor_list("0-2,8,10-11\n") == (0, 1, 2, 8, 10, 11)
    assert processor_list("") == ()
