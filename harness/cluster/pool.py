"""Where units are measured: one Protocol, whatever stands behind it.

A pool owns its nodes, their slots and the two queues (compile and analyse, measure). It answers
for every submitted unit exactly once, in order of completion: a unit whose process or node died
comes back as failed results, never as an exception.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from compiler.problem.architecture import Architecture
from harness.record.result import Stage, TrialResult
from harness.trial import UnitOutcome
from harness.unit import Contender, Unit

QUEUED = "a free slot"  # what a unit waits for behind others of its campaign

Step = Literal["submitted", "preparing", "prepared", "waiting", "measuring", "done"]


@dataclass(frozen=True)
class Node:
    """One machine that measures. `facts` are what records carry as `host`."""

    name: str
    fingerprint: str  # of the facts that make two nodes alike; part of every trial id
    architecture: Architecture  # as detected, with the configuration's own values on top
    slots: int
    quality: Literal["exclusive", "shared"]
    free_bytes: int
    target: str = ""  # what its compiler generates code for; equal targets share compiled kernels
    housekeeping: tuple[int, ...] = ()  # processors for all that is not measured
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Event:
    """What just happened to a unit, for whoever watches; `node` where it is known."""

    unit: Unit
    step: Step
    node: str = ""
    note: str = ""


Watch = Callable[[Event], None]


class Pool(Protocol):
    """Nodes that take units and give outcomes; used by one thread, closed once."""

    def nodes(self) -> tuple[Node, ...]:
        """The nodes that measure, described; the same for the life of a campaign."""
        ...

    def installed(self, baselines: Sequence[Contender]) -> tuple[Contender, ...]:
        """Those that every node can measure today."""
        ...

    def submit(self, unit: Unit) -> None:
        """Take a unit; returns at once."""
        ...

    def outcomes(self) -> Iterator[tuple[Unit, UnitOutcome]]:
        """Every submitted unit with what came of it; ends when none is outstanding."""
        ...

    def close(self) -> None:
        """End all work and every child; safe to call twice, and from a signal's exception."""
        ...


def lost(unit: Unit, stage: Stage, reason: str, node: Node | None) -> UnitOutcome:
    """The outcome of a unit that nobody could finish: every contender failed for one reason."""
    fingerprint = node.fingerprint if node is not None else "unknown"
    results = tuple(
        TrialResult(
            campaign=unit.campaign,
            trial=unit.trial(contender, fingerprint),
            attempt=unit.attempt,
            problem=unit.problem.facts,
            contender=contender.name,
            kind=contender.kind,
            architecture=unit.architecture_name,
            threads=unit.threads,
            seed=unit.seed,
            status="failed",
            stage=stage,
            reason=reason,
            node=node.name if node is not None else "",
            host=node.facts if node is not None else {},
        )
        for contender in unit.contenders
    )
    return UnitOutcome(results=results)
