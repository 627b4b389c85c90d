"""What one machine offers: its slots, its description, and whether it is the machine asked for."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

import psutil

from compiler.problem.architecture import Architecture
from harness.baseline.product_library import check_libraries
from harness.choices import ArchitectureChoice, Exclusive
from harness.cluster.pool import Node
from harness.cluster.slots import slots_of, taken
from harness.cluster.topology import Topology, permitted, topology_found, whole_machine
from harness.errors import SettingsError
from harness.kernel.toolchain import Toolchain
from harness.measure.ceilings import host_architecture
from harness.measure.host import host_facts
from harness.measure.kept_ceilings import kept_ceilings
from harness.measure.slot import Slot
from harness.product_rates import rates_known, with_product_rates


class AnotherMachine(SettingsError):
    """A node that is not the machine asked for. Other nodes may be."""

    def __init__(self, choice: ArchitectureChoice, *found: str) -> None:
        self.choice = choice
        self.found = found  # what each node is
        super().__init__(choice, *found)

    def of_all(self, refusals: Sequence[AnotherMachine]) -> AnotherMachine:
        """One refusal with what all nodes are."""
        return AnotherMachine(self.choice, *(found for one in refusals for found in one.found))

    def __str__(self) -> str:
        return (
            f"architecture {self.choice.name} cannot be measured here: no node is a "
            f"'{self.choice.model or self.choice.name}'; nodes found: {'; '.join(self.found)}; "
            "`polydl explain` and campaign.dry_run=true work for any machine"
        )


@dataclass(frozen=True)
class Share:
    """The part of a machine that a pool uses: its first core for all else, the rest to measure."""

    topology: Topology
    housekeeping: tuple[int, ...]  # logical processors
    exclusive: Exclusive = "core"
    machine: Topology | None = None  # of which a slot may claim more than the share; None: no more

    def slots(self, threads: int) -> tuple[Slot, ...]:
        """Disjoint slots of so many cores. Raises SettingsError where the machine has too few."""
        return slots_of(self.topology, threads, self.exclusive, self.machine)


def share_of(cores: Sequence[int] | None = None, exclusive: Exclusive = "core") -> Share:
    """This machine as far as the process may use it, or the `cores` named."""
    if cores is not None:
        allowed = permitted()
        for core in cores:
            if core not in allowed:
                raise SettingsError(
                    f"cluster.cores: {core} is not among the processors of {socket.gethostname()}: "
                    f"{', '.join(map(str, sorted(allowed)))}"
                )
    topology = topology_found(cores)
    return Share(topology, topology.cores[0].processors, exclusive, whole_machine())


def node_described(
    name: str,
    share: Share,
    threads: int,
    choice: ArchitectureChoice,
    campaign: str,
    toolchain: Toolchain,
) -> Node:
    """This machine as a node with slots of `threads` cores; its ceilings take 5 s the first time.

    Raises EnvironmentProblem without a compiler or a library that strategies call, SettingsError
    where it is not the machine asked for.
    """
    compiler = toolchain.compiler
    check_libraries(choice.libraries, toolchain)
    slots = share.slots(threads)
    slot = slots[-1]
    known = kept_ceilings(toolchain) is not None and rates_known(choice.libraries, toolchain)
    with nullcontext() if known else taken(slot, campaign):
        core = slot.cores[0]
        detected = host_architecture(toolchain, core)
        detected = with_product_rates(detected, choice.libraries, toolchain, core)
    facts = {**host_facts(), "compiler": compiler.version}
    return Node(
        name=name,
        target=f"{compiler.target} by {compiler.version}",
        housekeeping=share.housekeeping,
        fingerprint=str(facts["fingerprint"]),
        architecture=architecture_for(choice, detected, str(facts["cpu"]), name),
        slots=len(slots),
        quality=slot.quality,
        free_bytes=psutil.virtual_memory().available,
        facts=facts,
    )


def architecture_for(
    choice: ArchitectureChoice, detected: Architecture, processor: str, node: str
) -> Architecture:
    """What to generate code for on this machine. Raises AnotherMachine than the one described."""
    if choice.is_host:
        return choice.applied_to(detected)
    described = choice.described()
    if choice.model is None or choice.model not in processor or described.isa != detected.isa:
        raise AnotherMachine(choice, f"{node}: {processor}, {detected.isa}")
    ceilings = {
        field: getattr(detected, field)
        for field in ("peak", "memory_bandwidth")
        if getattr(described, field) is None
    }
    return replace(described, **ceilings, products=detected.products)
