"""A Ray node with its agent, as the driver sees it: opened, asked for heartbeats, quarantined."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError

from harness.choices import ArchitectureChoice, ClusterChoice
from harness.cluster.agent import Agent, Beat
from harness.cluster.members import Member
from harness.cluster.node import AnotherMachine, Share
from harness.cluster.patience import Patience
from harness.cluster.pool import Node
from harness.cluster.work import Work
from harness.errors import HarnessError
from harness.unit import Contender, Unit

log = logging.getLogger("polydl")

BEAT, MEASURE = "beat", "measure"  # concurrency groups of an agent: a heartbeat never queues
THREADS = 128  # of an agent, that measure or wait for a slot


class Opening:
    """What every agent of a pool is started with."""

    def __init__(
        self,
        work: Work,
        share: Share | None,
        choice: ClusterChoice,
        architecture: ArchitectureChoice,
        threads: int,
        campaign: str,
        cache: Path,
    ) -> None:
        self._actor = ray.remote(
            num_cpus=0, max_restarts=0, concurrency_groups={BEAT: 1, MEASURE: THREADS}
        )(Agent)
        self._made_with = (ray.put(work), share, choice.exclusive)
        self._described_with = (threads, architecture, campaign, cache)

    def agent(self, member: Member) -> tuple[Any, Any]:
        """A new agent, and the reference of its node's description."""
        placed = self._actor.options(scheduling_strategy=member.where)
        agent = placed.remote(*self._made_with, member.cores)
        described = agent.describe.options(concurrency_group=BEAT)
        return agent, described.remote(member.name, *self._described_with)


class Site:
    """One Ray node. It is `open` while its agent answers; a lost one is tried again after a rest.

    Nothing here waits for the node: a silent one costs the driver no time.
    """

    def __init__(self, member: Member, opening: Opening, patience: Patience) -> None:
        self.id = member.id
        self.name = member.name
        self.cpus = member.cpus
        self.where = member.where
        self.refusal: AnotherMachine | None = None  # for good: it is not the machine asked for
        self._member = member
        self.agent: Any = None
        self.open = False
        self._opening = opening
        self._patience = patience
        self._described: Any = None
        self._node: Node | None = None
        self._beat: Any = None
        self._asked = self._heard = self._tended = 0.0
        self._strikes = 0
        self._rest_until = 0.0
        self._start(time.monotonic())

    @property
    def node(self) -> Node:
        """Known once the site has been open."""
        assert self._node is not None
        return self._node

    @property
    def known(self) -> bool:
        return self._node is not None

    def await_description(self, deadline: float) -> str | None:
        """Wait for the first description; another machine than the one asked for is `refusal`.

        Gives the reason where the agent is dead or silent until the monotonic `deadline`; the site
        is quarantined then. Raises whatever else the node refuses.
        """
        try:
            self._take(ray.get(self._described, timeout=max(0.0, deadline - time.monotonic())))
        except RayError as error:
            reason = f"the agent of {self.name} does not answer: {first_line(error)}"
            self.quarantine(time.monotonic(), reason)
            return reason
        return None

    def tend(self, now: float, heard: Callable[[Site, Beat], None]) -> str | None:
        """Take what has come and ask again. Gives the reason when an open site is lost."""
        if not self.open:
            self._reopen(now)
            return None
        if now - self._tended > self._patience.silent / 2:
            self._asked = now  # it was the driver that stood still
        self._tended = now
        if self._beat is not None and self._arrived(self._beat):
            try:
                beat: Beat = ray.get(self._beat)
            except RayError as error:
                return f"its agent died: {first_line(error)}"
            self._beat, self._heard = None, now
            if beat.slots == 0:
                return "no core to measure on is left"
            if beat.slots != self.node.slots:
                self._node = replace(self.node, slots=beat.slots)
            heard(self, beat)
        if self._beat is None and now - self._asked >= self._patience.beat:
            self._beat, self._asked = self.agent.beat.options(concurrency_group=BEAT).remote(), now
        if self._beat is not None and now - self._asked > self._patience.silent:
            return f"silent for {now - self._heard:.0f} s"
        return None

    def installed(self, baselines: Sequence[Contender]) -> Any:
        """The reference of those baselines that the node has."""
        return self.agent.installed.options(concurrency_group=BEAT).remote(baselines)

    def measure(self, prepared: Any, unit: Unit) -> Any:
        """Send a prepared unit to the agent; the reference of its outcome."""
        call = self.agent.measure.options(concurrency_group=MEASURE)
        return call.remote(prepared, unit)

    def quarantine(self, now: float, reason: str) -> None:
        """End the agent, its children with it; the next is started after a rest."""
        rest = min(self._patience.longest_rest, self._patience.rest * 2**self._strikes)
        log.warning("%s is quarantined for %.0f s: %s", self.name, rest, reason)
        self._strikes += 1
        self._rest_until = now + rest
        self.end()

    def succeeded(self) -> None:
        """A unit was measured here: earlier quarantines are forgiven."""
        self._strikes = 0

    def end(self) -> None:
        if self.agent is not None:
            ray.kill(self.agent)
        self.agent = self._described = self._beat = None
        self.open = False

    def _start(self, now: float) -> None:
        self.agent, self._described = self._opening.agent(self._member)
        self._asked = now

    def _reopen(self, now: float) -> None:
        if self.agent is None:
            if now >= self._rest_until and self.refusal is None:
                self._start(now)
        elif self._arrived(self._described):
            try:
                self._take(ray.get(self._described))
            except (RayError, HarnessError) as error:
                self.quarantine(now, first_line(error))
            else:
                if self.open:
                    log.warning("%s is back, with %d slots", self.name, self.node.slots)
        elif now - self._asked > self._patience.describe:
            self.quarantine(now, "its agent does not start")

    def _take(self, described: Node | HarnessError) -> None:
        if isinstance(described, AnotherMachine):
            self.refusal = described
            self.end()
            return
        if isinstance(described, HarnessError):
            raise described
        self._node = described
        self._heard = self._asked = self._tended = time.monotonic()
        self.open = True

    @staticmethod
    def _arrived(ref: Any) -> bool:
        return bool(ray.wait([ref], timeout=0)[0])


def first_line(error: BaseException) -> str:
    """What an exception says, in one line."""
    return next(iter(str(error).strip().splitlines()), "") or type(error).__name__
