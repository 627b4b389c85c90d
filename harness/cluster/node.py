"""What one machine offers: its slots, its description, and whether it is the machine asked for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from compiler.problem.architecture import Architecture
from harness.cluster.pool import Node
from harness.cluster.slots import slots_of, taken
from harness.cluster.topology import Topology, topology_found
from harness.errors import SettingsError
from harness.kernel.build import compiler_found
from harness.measure.ceilings import host_architecture
from harness.measure.host import fingerprint, host_facts
from harness.measure.slot import Slot
from harness.settings.values import ArchitectureChoice


@dataclass(frozen=True)
class Share:
    """The part of a machine that a pool uses: its first core for all else, the rest to measure."""

    topology: Topology
    housekeeping: tuple[int, ...]  # logical processors

    def slots(self, threads: int) -> tuple[Slot, ...]:
        """Disjoint slots of so many cores. Raises SettingsError where the machine has too few."""
        return slots_of(self.topology, threads)


def share_of(cores: Sequence[int] | None = None) -> Share:
    """This machine as far as the process may use it, or the `cores` named."""
    allowed = os.sched_getaffinity(0)
    for core in cores or ():
        if core not in allowed:
            raise SettingsError(
                f"cluster.cores: {core} is not among the processors of this machine: "
                f"{', '.join(map(str, sorted(allowed)))}"
            )
    topology = topology_found(cores)
    return Share(topology, topology.cores[0].processors)


def node_described(
    name: str,
    share: Share,
    threads: int,
    choice: ArchitectureChoice,
    campaign: str,
    cache_dir: Path,
) -> Node:
    """This machine as a node with slots of `threads` cores; its ceilings take 2 s the first time.

    Raises EnvironmentProblem without a compiler, SettingsError where it is not the one asked for.
    """
    compiler = compiler_found()
    slots = share.slots(threads)
    slot = slots[-1]
    known = (cache_dir / f"ceilings-{fingerprint()}.json").exists()
    with nullcontext() if known else taken(slot, campaign):
        detected = host_architecture(cache_dir, slot.cores[0], compiler)
    facts = {**host_facts(), "compiler": compiler.version}
    return Node(
        name=name,
        fingerprint=str(facts["fingerprint"]),
        architecture=architecture_for(choice, detected, str(facts["cpu"])),
        slots=len(slots),
        quality=slot.quality,
        free_bytes=psutil.virtual_memory().available,
        facts=facts,
    )


def architecture_for(
    choice: ArchitectureChoice, detected: Architecture, processor: str
) -> Architecture:
    """What to generate code for on this machine; a described machine must be this one."""
    if choice.is_host:
        return choice.applied_to(detected)
    described = choice.described()
    if choice.model is None or choice.model not in processor:
        raise SettingsError(
            f"architecture {choice.name} cannot be measured here: no node is a "
            f"'{choice.model or choice.name}'; nodes found: {processor}; "
            "`polydl explain` and campaign.dry_run=true work for any machine"
        )
    ceilings = {
        field: getattr(detected, field)
        for field in ("peak", "memory_bandwidth")
        if getattr(described, field) is None
    }
    return replace(described, **ceilings)
