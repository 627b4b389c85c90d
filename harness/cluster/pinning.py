"""What undoes pinning on a node: quotas, processors that may be taken away, halves of cores."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.cluster.topology import permitted
from harness.measure.quota import GROUPS, OWN, cpu_quota
from harness.measure.sysfs import CPU_ROOT, processor_list, siblings, text_of

KUBERNETES = "KUBERNETES_SERVICE_HOST"  # set in every container there


@dataclass(frozen=True)
class Pinning:
    """One thing that was looked at: what is there, and what mends it where that is needed."""

    topic: str
    value: str
    advice: str = ""


def pinning_here(
    cpus: Path = CPU_ROOT,
    groups: Path = GROUPS,
    own: Path = OWN,
    environment: Mapping[str, str] = os.environ,
    allowed: frozenset[int] | None = None,
) -> tuple[Pinning, ...]:
    """The quota, and in a container whose the processors are."""
    usable = frozenset(permitted()) if allowed is None else allowed
    found = [_quota(len(usable), groups, own)]
    online = frozenset(processor_list(text_of(cpus / "online") or ""))
    if usable < online:
        found.append(_cores(usable, online, cpus))
    if KUBERNETES in environment:
        found.append(_manager(usable, online))
    return tuple(found)


def _quota(processors: int, groups: Path, own: Path) -> Pinning:
    quota = cpu_quota(groups, own)
    if quota is None:
        return Pinning("CPU quota", "none")
    told = f"{quota.cpus:g} CPUs for {processors} processors ({quota.file})"
    if quota.cpus >= processors:
        return Pinning("CPU quota", told)
    return Pinning(
        "CPU quota",
        told,
        "threads are stopped for the rest of each period once it is used up; ask for processors "
        "instead: docker run --cpuset-cpus, equal whole cpu requests and limits in Kubernetes",
    )


def _cores(usable: frozenset[int], online: frozenset[int], cpus: Path) -> Pinning:
    halves = [p for p in sorted(usable) if not usable >= frozenset(siblings(p, cpus)) & online]
    told = f"{len(usable)} of {len(online)} processors"
    if not halves:
        return Pinning("processors", f"{told}, whole cores")
    return Pinning(
        "processors",
        f"{told}, of {len(halves)} a sibling is somebody else's",
        "others share these cores; in Kubernetes cpuManagerPolicyOptions: full-pcpus-only",
    )


def _manager(usable: frozenset[int], online: frozenset[int]) -> Pinning:
    if usable < online:
        return Pinning("Kubernetes", "processors of its own")
    return Pinning(
        "Kubernetes",
        "the pool of processors that all containers share",
        "the kubelet gives processors of one's own with cpuManagerPolicy: static to containers "
        "whose whole cpu and memory requests equal their limits (examples/kuberay)",
    )
