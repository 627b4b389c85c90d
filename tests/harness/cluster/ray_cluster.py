"""A Ray cluster of three nodes on this machine, on loopback, each with its share of cores named."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psutil
import ray
from ray._private import ray_constants
from ray.cluster_utils import Cluster

from harness.cluster.ray_names import read_environment
from harness.cluster.ray_start import ENVIRONMENT
from tests.processes import end, family, kill

NAMES = ("node-a", "node-b", "node-c")
CLUSTERS = "polydl-ray-"  # how the folders of test clusters begin
STORE_BYTES = 80 * 2**20
# A dead or silent node is found in 9 s, not in 15 or never. No node starts a worker before one is
# asked for: what is shipped to agents makes an environment of its own, for which it is of no use.
QUICK = {
    "RAY_prestart_worker_first_driver": "0",
    "RAY_health_check_initial_delay_ms": "2000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "2000",
    "RAY_health_check_failure_threshold": "3",
}


def shares() -> tuple[tuple[int, ...], ...]:
    """Of the processors that the tests may use: disjoint where six are, else overlapping."""
    cores = tuple(sorted(os.sched_getaffinity(0)))
    if len(cores) >= 6:
        return cores[0:2], cores[2:4], cores[4:6]
    return cores[:1], cores[-1:], tuple(sorted({cores[0], cores[-1]}))


class RayCluster:
    """Nodes can be added and killed; `close` leaves no process and no file behind."""

    def __init__(self) -> None:
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
        os.environ.update(ENVIRONMENT | QUICK, RAY_AUTH_MODE="token")
        read_environment()
        ray_constants.ENABLE_RAY_CLUSTER = False  # else 127.0.0.1 becomes the host's address
        self._folder = tempfile.mkdtemp(prefix=CLUSTERS)
        self._cluster = Cluster()
        self._nodes: dict[str, Any] = {}

    @property
    def address(self) -> str:
        return str(self._cluster.address)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the nodes that run."""
        return tuple(self._nodes)

    def add(self, name: str, cores: Iterable[int | str], wait: bool = True, **options: Any) -> None:
        """The first node is the head; `options` are those of ray.cluster_utils.Cluster.add_node."""
        self._nodes[name] = self._cluster.add_node(
            wait=wait,
            num_cpus=1,
            include_log_monitor=False,
            node_name=name,
            node_ip_address="127.0.0.1",
            # Its own: a node that joins unpacks what is shipped anew, over what lies there.
            temp_dir=str(Path(self._folder, name)),
            object_store_memory=STORE_BYTES,
            include_dashboard=False,
            no_monitor=True,  # of Ray's autoscaler: nodes come and go as a test says
            labels={"polydl_cores": "_".join(map(str, cores))},
            **options,
        )

    def processes(self, name: str) -> list[psutil.Process]:
        """Everything that a node runs: its raylet, agents, workers and their children."""
        started = self._nodes[name].all_processes.values()
        return family(*(info.process.pid for infos in started for info in infos))

    def kill(self, name: str) -> None:
        """SIGKILL to the node's raylet and all below it, as when the machine loses its power."""
        kill(self.processes(name))
        self._cluster.remove_node(self._nodes.pop(name), allow_graceful=False)

    def remove(self, name: str) -> None:
        """As with `ray stop`: the others know at once."""
        self._cluster.remove_node(self._nodes.pop(name))

    def restore(self) -> None:
        """Start what was killed anew."""
        for name, cores in zip(NAMES, shares(), strict=True):
            if name not in self._nodes:
                self.add(name, cores)

    def close(self) -> None:
        ray.shutdown()
        running = [one for name in self._nodes for one in self.processes(name)]
        self._cluster.shutdown()
        end(running)
        ray_constants.ENABLE_RAY_CLUSTER = True
        shutil.rmtree(self._folder, ignore_errors=True)


def three_nodes() -> RayCluster:
    cluster = RayCluster()
    try:
        for name, cores in zip(NAMES, shares(), strict=True):
            cluster.add(name, cores, wait=name == NAMES[0])
        cluster._cluster.wait_for_nodes()
    except BaseException:
        cluster.close()
        raise
    return cluster
