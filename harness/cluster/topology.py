"""Physical cores of this host, with their package, NUMA node and last-level cache domain."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from harness.measure.sysfs import (
    CPU_ROOT,
    caches,
    number_of,
    processor_list,
    siblings,
    text_of,
)

MOST_PROCESSORS = 8192  # that Linux may have


@dataclass(frozen=True)
class Core:
    """A physical core, named by the first of its logical `processors`.

    `last_level` is the smallest processor that shares its last-level cache: one per domain.
    `first` of all its processors, also of those that may not be used, names its lock.
    """

    processors: tuple[int, ...]
    package: int = 0
    numa_node: int = 0
    last_level: int = 0
    first: int | None = None

    @property
    def name(self) -> int:
        return self.processors[0]

    @property
    def physical(self) -> int:
        return self.name if self.first is None else self.first


@dataclass(frozen=True)
class Topology:
    """The cores that this process may use, in order of their names."""

    cores: tuple[Core, ...]

    @property
    def numa_nodes(self) -> tuple[int, ...]:
        return tuple(sorted({core.numa_node for core in self.cores}))

    @property
    def smt(self) -> bool:
        return any(len(core.processors) > 1 for core in self.cores)


def topology_found(allowed: Iterable[int] | None = None, root: Path = CPU_ROOT) -> Topology:
    """From sysfs, restricted to `allowed` logical processors (default: this process's affinity).

    A physical core counts when one of its processors is allowed; the others are not used.
    """
    usable = set(os.sched_getaffinity(0) if allowed is None else allowed)
    cores: dict[int, Core] = {}
    for processor in sorted(usable):
        whole = siblings(processor, root)
        if whole[0] in cores:
            continue
        folder = root / f"cpu{processor}"
        levels = caches(processor, root)
        nodes = sorted(int(node.name[4:]) for node in folder.glob("node[0-9]*"))
        cores[whole[0]] = Core(
            processors=tuple(p for p in whole if p in usable),
            package=number_of(folder / "topology" / "physical_package_id", 0),
            numa_node=nodes[0] if nodes else 0,
            first=whole[0],
            last_level=levels[-1].processors[0] if levels else 0,
        )
    return Topology(tuple(sorted(cores.values(), key=lambda core: core.name)))


def topology_of(cores: int, sockets: int) -> Topology:
    """Of a machine that is described: each socket has a NUMA node and a last-level cache."""
    each = max(1, cores // sockets)
    places = ((core, core // each) for core in range(cores))
    return Topology(tuple(Core((core,), socket, socket, socket) for core, socket in places))


def whole_machine(root: Path = CPU_ROOT) -> Topology:
    """All cores that are on-line, whoever may use them."""
    online = processor_list(text_of(root / "online") or "")
    return topology_found(online or None, root)


def permitted() -> set[int]:
    """Processors that this process could be allowed to use: its container's, or the machine's."""
    with ThreadPoolExecutor(1) as thread:  # affinity is a thread's own
        return thread.submit(_widest).result()


def _widest() -> set[int]:
    os.sched_setaffinity(0, range(MOST_PROCESSORS))
    return os.sched_getaffinity(0)
