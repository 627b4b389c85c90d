"""A node as the driver sees it: opened, asked for signs of life, quarantined, tried again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from harness.cluster.members import Member
from harness.cluster.node import AnotherMachine
from harness.cluster.patience import Patience
from harness.cluster.pool import Node

MOST_DOUBLED = 32  # a node that refuses for days is no number without end


@dataclass(eq=False, slots=True)
class Site:
    """`due` is when its state has lasted too long, or when it is to be asked again.

    Its agents are numbered: what an earlier one answers does not count.
    """

    member: Member
    state: Literal["starting", "open", "resting", "refused"] = "resting"
    agent: int = 0
    asked: float = 0.0  # the agent's start, or the last question to it
    heard: float = 0.0
    waiting: bool = False  # a question has not been answered
    strikes: int = 0
    rests_until: float = 0.0
    refusal: AnotherMachine | None = None  # for good: it is not the machine asked for
    lost: str = ""  # why, at the last time
    described: Node | None = None

    @property
    def id(self) -> str:
        return self.member.id

    @property
    def name(self) -> str:
        return self.member.name

    @property
    def open(self) -> bool:
        """Whether its agent answers."""
        return self.state == "open"

    @property
    def node(self) -> Node:
        """Known once the site has been open."""
        assert self.described is not None
        return self.described

    def due(self, patience: Patience, sites: int) -> float | None:
        """As one of so many sites."""
        if self.state == "starting":
            return self.asked + patience.describe
        if self.state == "open":
            return self.asked + (patience.silent if self.waiting else patience.beat_of(sites))
        return self.rests_until if self.state == "resting" else None

    def start(self, now: float) -> None:
        """Another agent."""
        self.state, self.agent, self.asked = "starting", self.agent + 1, now

    def take(self, described: Node | AnotherMachine, now: float) -> None:
        if isinstance(described, AnotherMachine):
            self.state, self.refusal = "refused", described
            return
        self.state, self.described = "open", described
        self.asked = self.heard = now
        self.waiting = False

    def ask(self, now: float) -> None:
        self.waiting, self.asked = True, now

    def hear(self, slots: int, now: float) -> None:
        self.waiting, self.heard = False, now
        if slots != self.node.slots:
            self.described = replace(self.node, slots=slots)

    def rest(self, reason: str, now: float, patience: Patience) -> float:
        """Quarantined, every further time for twice as long; for how many seconds."""
        seconds = min(patience.longest_rest, patience.rest * 2.0 ** min(self.strikes, MOST_DOUBLED))
        self.strikes += 1
        self.state, self.lost = "resting", reason
        self.rests_until = now + seconds
        return seconds
