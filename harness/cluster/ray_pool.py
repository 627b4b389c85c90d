"""Units over Ray: the pool of a cluster, joined or started on this machine."""

from __future__ import annotations

from pathlib import Path

from harness.choices import ArchitectureChoice, ClusterChoice
from harness.cluster.cluster_pool import ClusterPool
from harness.cluster.node import Share
from harness.cluster.patience import Patience
from harness.cluster.pool import Watch
from harness.cluster.ray_fabric import RayFabric
from harness.cluster.work import WORK, Work


class RayPool(ClusterPool):
    """`local` starts a cluster and ends it, `ray` joins one.

    A `share` that is given is that of every node.
    """

    def __init__(
        self,
        choice: ClusterChoice,
        architecture: ArchitectureChoice,
        threads: int,
        campaign: str,
        cache: Path,
        watch: Watch,
        work: Work = WORK,
        share: Share | None = None,
    ) -> None:
        fabric = RayFabric(choice, architecture, threads, campaign, cache, work, share)
        super().__init__(fabric, Patience.chosen(choice), watch)
