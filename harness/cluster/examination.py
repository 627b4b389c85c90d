"""What each node of a joined cluster offers and lacks, for whoever asks before a campaign."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError

from harness.choices import ArchitectureChoice, ClusterChoice
from harness.cluster.members import Member, answer_seconds, lacks_of, members, portable
from harness.cluster.neighbour import share_disturbed
from harness.cluster.node import node_described, share_of
from harness.cluster.pinning import Pinning, pinning_here
from harness.cluster.pool import Node
from harness.cluster.ray_start import join
from harness.errors import EnvironmentProblem, HarnessError
from harness.kernel.toolchain import Toolchain
from harness.measure.slot import Slot

EXAMINE_SECONDS = 180.0  # ceilings and the neighbour's cost, on every node at once


@dataclass(frozen=True)
class Examined:
    """One node, with `problem` where it cannot measure; `neighbour` is a share of the peak."""

    name: str
    node: Node | None = None
    slots: tuple[Slot, ...] = ()
    neighbour: float | None = None  # unknown where there are not two cores, or they are held
    unpinned: tuple[Pinning, ...] = ()  # what undoes pinning there
    problem: str = ""


def cluster_examined(
    choice: ClusterChoice, architecture: ArchitectureChoice, threads: int, cache: Path
) -> list[Examined]:
    """Joins, asks every node at once and leaves; changes nothing but caches of ceilings.

    Raises what joining raises, and EnvironmentProblem for a cluster without a node.
    """
    folder = portable(cache)
    try:
        join(choice)
        present = members(choice)
        if not present:
            raise EnvironmentProblem("the Ray cluster has no node that is alive and has a CPU")
        lacks = lacks_of(present, folder, answer_seconds(choice))
        ask = ray.remote(num_cpus=1, max_retries=0)(_examined)
        asked = {
            member: ask.options(scheduling_strategy=member.where).remote(
                member.name, member.cores, choice, architecture, threads, folder
            )
            for member in present
            if not lacks[member.id]
        }
        ray.wait(list(asked.values()), num_returns=len(asked), timeout=EXAMINE_SECONDS)
        return [
            Examined(member.name, problem="lacks " + "; ".join(map(str, lacks[member.id])))
            if lacks[member.id]
            else _answer(member, asked[member])
            for member in present
        ]
    finally:
        ray.shutdown()


def _answer(member: Member, call: Any) -> Examined:
    try:
        answer: Examined = ray.get(call, timeout=0.1)
    except RayError as error:
        reason = " ".join(str(error).split())[-200:] or type(error).__name__
        return Examined(member.name, problem=f"does not answer ({reason})")
    return answer


def _examined(
    name: str,
    cores: tuple[int, ...] | None,
    choice: ClusterChoice,
    architecture: ArchitectureChoice,
    threads: int,
    folder: Path,
) -> Examined:
    """On the node itself."""
    try:
        toolchain = Toolchain.opened(folder)
        share = share_of(cores, choice.exclusive)
        node = node_described(name, share, threads, architecture, "doctor", toolchain)
    except HarnessError as error:
        return Examined(name, problem=str(error))
    try:
        cost = share_disturbed(toolchain, share)
    except HarnessError as error:
        return Examined(name, node, share.slots(threads), problem=str(error))
    unpinned = tuple(one for one in pinning_here() if one.advice)
    return Examined(name, node, share.slots(threads), cost, unpinned)
