"""What a campaign's configuration says of the nodes of an ONNX file that are in no problem."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.record.configuration import documents_in
from harness.record.journal import CampaignFolder
from harness.record.typed import converted


@dataclass(frozen=True)
class NodeLeftOut:
    """A node that no primitive computes, and why."""

    node: str
    op: str
    reason: str


@dataclass(frozen=True)
class NetworkNodes:
    """All nodes of a file: those that compute `nothing` (views, constants), left out, the rest."""

    file: str
    nodes: int
    nothing: int
    left_out: tuple[NodeLeftOut, ...] = ()

    @property
    def summary(self) -> str:
        """One line, the operators that are left out by how often."""
        taken = self.nodes - self.nothing - len(self.left_out)
        told = f"{self.file}: {self.nodes} nodes: {taken} in problems"
        if self.nothing:
            told += f", {self.nothing} compute nothing"
        if self.left_out:
            often = Counter(one.op for one in self.left_out).most_common()
            told += f", {len(self.left_out)} left out: "
            told += ", ".join(f"{op} {count}" for op, count in often)
        return told


def networks_in(documents: Iterable[Mapping[str, Any]]) -> tuple[NetworkNodes, ...]:
    """Of every network that the configurations took problems from, once."""
    found: dict[str, NetworkNodes] = {}
    for document in documents:
        workload = document.get("workload")
        held = workload.get("network") if isinstance(workload, Mapping) else None
        if held is not None:
            one = converted(held, NetworkNodes, "workload.network")
            found.setdefault(repr(one), one)
    return tuple(found.values())


def recorded_networks(folder: CampaignFolder) -> tuple[NetworkNodes, ...]:
    """Those of a campaign's folder; none where its configuration was not recorded."""
    files = sorted(folder.path.glob("campaign*.yaml"))
    return networks_in(document for file in files for document in documents_in(file))
