"""The nodes of a running Ray cluster: their names, their share of cores, and what they lack."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import (
    LocalRayletDiedError,
    NodeDiedError,
    RayError,
    TaskUnschedulableError,
    WorkerCrashedError,
)
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from harness.account import home_folder
from harness.choices import ClusterChoice
from harness.cluster.requirements import Lack, lacks_here, versions_here
from harness.errors import EnvironmentProblem, SettingsError
from harness.measure.sysfs import processor_list

CORES_LABEL = "polydl_cores"  # `ray start --labels=polydl_cores=0_2-5`: the node's share
ANSWER_SECONDS = 90.0  # for the first task on a node, whose worker has to start ...
INSTALL_SECONDS = 900.0  # ... where packages are installed for it first
# Of a node that died and that Ray still lists: it has no say in what others do.
GONE = (LocalRayletDiedError, NodeDiedError, TaskUnschedulableError, WorkerCrashedError)


@dataclass(frozen=True)
class Member:
    """A Ray node that can take work. `name` is unique in the cluster."""

    id: str
    name: str
    cpus: int
    cores: tuple[int, ...] | None = None  # its share, where it is named

    @property
    def where(self) -> NodeAffinitySchedulingStrategy:
        return NodeAffinitySchedulingStrategy(node_id=self.id, soft=False)


def members(choice: ClusterChoice) -> tuple[Member, ...]:
    """Nodes that are alive and have a CPU of Ray's; one started with --num-cpus=0 stays out."""
    return described(ray.nodes(), choice)


def described(found: Sequence[Mapping[str, Any]], choice: ClusterChoice) -> tuple[Member, ...]:
    """From Ray's own list. Raises SettingsError for a label that cannot be read."""
    usable = [one for one in found if one["Alive"] and one["Resources"].get("CPU", 0) >= 1]
    names = Counter(_name(one) for one in usable)
    return tuple(
        Member(
            id=one["NodeID"],
            name=name if names[name] == 1 else f"{name}-{one['NodeID'][:6]}",
            cpus=int(one["Resources"]["CPU"]),
            cores=_labelled(name, one.get("Labels", {})) if choice.cores is None else choice.cores,
        )
        for one in sorted(usable, key=_name)
        for name in [_name(one)]
    )


def _name(found: Mapping[str, Any]) -> str:
    """As given with `ray start --node-name`, else the host's; Ray's own default is the address."""
    given = found.get("NodeName")
    return str(given if given and given != found["NodeManagerAddress"] else _host(found))


def _host(found: Mapping[str, Any]) -> str:
    return str(found["NodeManagerHostname"])


def _labelled(name: str, labels: Mapping[str, str]) -> tuple[int, ...] | None:
    """`0_2-5` as (0, 2, 3, 4, 5): Ray allows no comma in a label."""
    text = labels.get(CORES_LABEL)
    if text is None:
        return None
    try:
        return processor_list(text.replace("_", ","))
    except ValueError:
        raise SettingsError(
            f"{name}: the label {CORES_LABEL}={text} is no list of processors such as 0_2-5"
        ) from None


def refuse_lacking(present: Sequence[Member], cache: Path, seconds: float = ANSWER_SECONDS) -> None:
    """Raises EnvironmentProblem with the nodes that cannot take part, like ones together."""
    found = lacks_of(present, cache, seconds)
    nodes: dict[str, list[str]] = {}
    for member in present:
        if found[member.id]:
            nodes.setdefault("; ".join(map(str, found[member.id])), []).append(member.name)
    if nodes:
        told = (f"{', '.join(names)} lacks {what}" for what, names in nodes.items())
        raise EnvironmentProblem(" | ".join(told))


def portable(folder: Path) -> Path:
    """A folder below this user's home as `~/...`: on a node, the home is another."""
    home = home_folder()
    if home is None or not folder.is_relative_to(home):
        return folder
    return Path("~", folder.relative_to(home))


def answer_seconds(choice: ClusterChoice) -> float:
    """How long a node may take for its first task."""
    return ANSWER_SECONDS if choice.install is None else INSTALL_SECONDS


def lacks_of(
    present: Sequence[Member], cache: Path, seconds: float = ANSWER_SECONDS
) -> dict[str, list[Lack]]:
    """By the node's id; asks all nodes at once. One that is gone lacks nothing."""
    ask = ray.remote(num_cpus=1, max_retries=0)(lacks_here)
    versions = versions_here()
    asked = {
        member: ask.options(scheduling_strategy=member.where).remote(versions, cache)
        for member in present
    }
    ray.wait(list(asked.values()), num_returns=len(asked), timeout=seconds)
    return {member.id: _answer(call) for member, call in asked.items()}


def _answer(call: Any) -> list[Lack]:
    try:
        lacks: list[Lack] = ray.get(call, timeout=0.1)
    except GONE:
        return []
    except RayError as error:
        reason = " ".join(str(error).split())[-300:] or type(error).__name__
        return [Lack(f"a worker that starts and answers ({reason})", "look at Ray's logs there")]
    return lacks
