"""Slots of whole physical cores, and the host-wide locks that keep two campaigns apart."""

from __future__ import annotations

import contextlib
import fcntl
import math
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from compiler.errors import shown
from harness.account import user_name
from harness.choices import Exclusive
from harness.cluster.topology import Core, Topology
from harness.errors import EnvironmentProblem, SettingsError
from harness.lock_file import open_lock
from harness.measure.slot import Slot

RUN_LOCK = Path("/run/lock")
POLL_SECONDS = 0.2


def slots_of(
    topology: Topology,
    threads: int,
    exclusive: Exclusive = "core",
    machine: Topology | None = None,
) -> tuple[Slot, ...]:
    """Disjoint slots of `threads` cores, each inside one last-level cache domain where it fits.

    The first core is left to the driver, Ray and compilation. Where that leaves too few, one slot
    takes it as well and is marked `shared`. A slot claims its own cores, or with `exclusive` all
    of its NUMA nodes' or of the `machine`'s, and there are only as many as claims allow. Raises
    SettingsError for more threads than cores.
    """
    slots = _measured_on(topology, threads)
    return _claiming(slots, topology, exclusive, topology if machine is None else machine)


def _measured_on(topology: Topology, threads: int) -> tuple[Slot, ...]:
    cores = topology.cores
    if not 1 <= threads <= len(cores):
        raise SettingsError(
            f"threads must be between 1 and the {len(cores)} physical cores that may be used, "
            f"got {threads}"
        )
    several = len(topology.numa_nodes) > 1
    for domain_of in (_cache_domain, _numa_domain, _whole_host):
        slots = _grouped(cores[1:], threads, domain_of, several)
        if slots:
            return slots
    # one core of the slot also runs everything else
    chosen = cores[-threads:]
    return (Slot(tuple(c.name for c in chosen), _node(chosen, several), "shared"),)


def _claiming(
    slots: tuple[Slot, ...], topology: Topology, exclusive: Exclusive, machine: Topology
) -> tuple[Slot, ...]:
    chosen: list[Slot] = []
    claimed: set[int] = set()
    for slot in slots:
        cores = [core for core in topology.cores if core.name in slot.cores]
        nodes = {core.numa_node for core in cores}
        claims = {
            "core": {core.physical for core in cores},
            "numa": {core.physical for core in machine.cores if core.numa_node in nodes},
            "node": {core.physical for core in machine.cores},
        }[exclusive]
        if claimed.isdisjoint(claims):
            claimed |= claims
            chosen.append(replace(slot, claims=tuple(sorted(claims))))
    return tuple(chosen)


def _cache_domain(core: Core) -> tuple[int, ...]:
    return (core.package, core.numa_node, core.last_level)


def _numa_domain(core: Core) -> tuple[int, ...]:
    return (core.package, core.numa_node)


def _whole_host(core: Core) -> tuple[int, ...]:
    return ()


def _grouped(
    cores: tuple[Core, ...],
    threads: int,
    domain_of: Callable[[Core], tuple[int, ...]],
    several_nodes: bool,
) -> tuple[Slot, ...]:
    domains: dict[tuple[int, ...], list[Core]] = {}
    for core in cores:
        domains.setdefault(domain_of(core), []).append(core)
    slots = []
    for held in domains.values():
        for start in range(0, len(held) - threads + 1, threads):
            chosen = tuple(held[start : start + threads])
            slots.append(Slot(tuple(c.name for c in chosen), _node(chosen, several_nodes)))
    return tuple(slots)


def _node(cores: tuple[Core, ...], several: bool) -> int | None:
    """The NUMA node to bind memory to: None on a host with one, or for a slot over several."""
    nodes = {core.numa_node for core in cores}
    return nodes.pop() if several and len(nodes) == 1 else None


def lock_folder() -> Path:
    """Shared by all users of the host; containers that do not share it cannot see each other."""
    return RUN_LOCK if os.access(RUN_LOCK, os.W_OK) else Path(tempfile.gettempdir())


@contextlib.contextmanager
def taken(
    slot: Slot,
    campaign: str,
    waiting: Callable[[str], None] = lambda message: None,
    folder: Path | None = None,
    patience: float = math.inf,
) -> Iterator[None]:
    """Hold what a slot claims of this host; blocks while another process or thread has a core.

    `waiting` is told who holds the core, whenever that changes. The kernel frees the locks when
    the holder dies. Cores are taken in ascending order, so that two slots cannot wait in a circle.
    Raises EnvironmentProblem, with the holder, after `patience` seconds, and for a lock file that
    is not what it should be (see open_lock).
    """
    where = lock_folder() if folder is None else folder
    deadline = time.monotonic() + patience
    with contextlib.ExitStack() as held:
        for core in slot.locked:
            descriptor = open_lock(where / f"polydl-core-{core}.lock", shared=True)
            held.callback(os.close, descriptor)
            _lock(descriptor, core, waiting, deadline)
            held.callback(_describe, descriptor, "")
            _describe(descriptor, f"pid {os.getpid()}, user {user_name()}, campaign {campaign}\n")
        yield


def _lock(descriptor: int, core: int, waiting: Callable[[str], None], deadline: float) -> None:
    told = None
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            owner = os.pread(descriptor, 512, 0).decode(errors="replace").strip()
            holder = f"core {core} is held by {shown(owner, 200) if owner else 'another process'}"
            if time.monotonic() > deadline:
                raise EnvironmentProblem(holder) from None
            if owner != told:
                waiting(holder)
                told = owner
            time.sleep(POLL_SECONDS)


def _describe(descriptor: int, text: str) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, text.encode(), 0)
