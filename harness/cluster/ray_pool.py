"""Units over Ray: compile and analyse as ordinary tasks, measure in one agent for each node.

Ray's resources are counts and pin nothing, so an agent takes no CPU of Ray's and owns its node's
slots itself; what it measures runs in pinned children of its own.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from harness.cluster.node import Share, node_described, share_of
from harness.cluster.pool import Event, Node, Watch, lost
from harness.cluster.ray_start import join, start_local
from harness.cluster.slots import taken
from harness.errors import EnvironmentProblem, HarnessError
from harness.settings.values import ArchitectureChoice, ClusterChoice
from harness.trial import PreparedUnit, UnitOutcome, measure_unit, prepare_unit
from harness.unit import Unit

log = logging.getLogger("polydl")

WAIT_SECONDS = 0.5
DESCRIBE_SECONDS = 120.0  # an agent's start, with the first measurement of the ceilings
ATTEMPTS = 3  # of a unit whose worker or node died
AHEAD = 2  # units prepared for each slot before it is free


class Agent:
    """Owns the slots of one node. Its methods run in threads, one for each slot and one more."""

    def __init__(self, share: Share | None, cores: tuple[int, ...] | None) -> None:
        self._share = share_of(cores) if share is None else share
        self._busy: set[int] = set()

    def describe(
        self,
        name: str,
        threads: int,
        choice: ArchitectureChoice,
        campaign: str,
        cache_dir: Path,
    ) -> Node | HarnessError:
        try:
            return node_described(name, self._share, threads, choice, campaign, cache_dir)
        except HarnessError as error:
            return error  # raised in the driver, where the user sees it

    def measure(self, prepared: PreparedUnit, unit: Unit, cache_dir: Path) -> UnitOutcome:
        slot = self._free_slot(unit.threads)
        self._busy.update(slot.cores)
        try:
            with taken(slot, unit.campaign):
                return measure_unit(prepared, slot, cache_dir)
        finally:
            self._busy.difference_update(slot.cores)

    def _free_slot(self, threads: int) -> Any:
        """A slot that no other thread of this agent has; else any, and its lock makes us wait."""
        slots = self._share.slots(threads)
        return next((s for s in slots if not self._busy.intersection(s.cores)), slots[0])


def prepare(
    unit: Unit, node: Node, cache_dir: Path, processors: tuple[int, ...] | None
) -> PreparedUnit:
    """Rank and compile, on the node that will measure; on `processors` where they are named."""
    if processors is not None:
        os.sched_setaffinity(0, processors)  # this worker of Ray does nothing else
    return prepare_unit(unit, node.architecture, cache_dir)


def _answered(described: Any) -> Node | HarnessError:
    """An agent's description of its node. Raises EnvironmentProblem where it does not start."""
    try:
        node: Node | HarnessError = ray.get(described, timeout=DESCRIBE_SECONDS)
    except RayError as error:
        reason = str(error).strip().splitlines()[0]
        raise EnvironmentProblem(f"the agent of a node does not answer: {reason}") from error
    return node


@dataclass
class _Site:
    """A node with its agent, and what it is doing."""

    node: Node
    agent: Any
    where: NodeAffinitySchedulingStrategy
    preparing: int = 0
    ready: deque[tuple[Unit, Any]] = field(default_factory=deque)
    measuring: int = 0

    @property
    def load(self) -> float:
        return (self.preparing + len(self.ready) + self.measuring) / self.node.slots


class RayPool:
    """See harness.cluster.pool.Pool. `local` starts a cluster and ends it, `ray` joins one."""

    def __init__(
        self,
        choice: ClusterChoice,
        architecture: ArchitectureChoice,
        threads: int,
        campaign: str,
        cache_dir: Path,
        watch: Watch,
    ) -> None:
        self._campaign = campaign
        self._cache_dir = cache_dir
        self._watch = watch
        self._waiting: deque[Unit] = deque()
        self._running: dict[Any, tuple[_Site, Unit, bool]] = {}  # ref -> site, unit, measuring
        self._share: Share | None = None
        self._sites: list[_Site] = []
        try:
            if choice.kind == "local":
                self._share = share_of(choice.cores)
                start_local(self._share)
            else:
                join(choice.address or "auto")
            self._prepare = ray.remote(num_cpus=1, max_retries=0)(prepare)
            self._sites = self._opened(choice, architecture, threads, campaign)
        except BaseException:
            self.close()
            raise

    def nodes(self) -> tuple[Node, ...]:
        return tuple(site.node for site in self._sites)

    def submit(self, unit: Unit) -> None:
        self._waiting.append(unit)

    def outcomes(self) -> Iterator[tuple[Unit, UnitOutcome]]:
        while self._waiting or self._running or any(site.ready for site in self._sites):
            self._dispatch()
            done, _ = ray.wait(list(self._running), num_returns=1, timeout=WAIT_SECONDS)
            for ref in done:
                finished = self._collected(ref)
                if finished is not None:
                    yield finished

    def close(self) -> None:
        """Ends the agents; their children die with them."""
        self._waiting.clear()
        self._running.clear()
        for site in self._sites:
            ray.kill(site.agent)
        self._sites = []
        ray.shutdown()
        for leftover in (self._cache_dir / "scratch").glob(f"{self._campaign}-*"):
            shutil.rmtree(leftover, ignore_errors=True)  # of an agent that was killed

    def _opened(
        self, choice: ClusterChoice, architecture: ArchitectureChoice, threads: int, campaign: str
    ) -> list[_Site]:
        """One agent for each node that is alive, described."""
        alive = [node for node in ray.nodes() if node["Alive"]]
        if not alive:
            raise EnvironmentProblem("the Ray cluster has no node that is alive")
        many = (os.cpu_count() or 1) + 1
        agent_of = ray.remote(num_cpus=0, max_restarts=0, max_concurrency=many)(Agent)
        pending = []
        for found in alive:
            where = NodeAffinitySchedulingStrategy(node_id=found["NodeID"], soft=False)
            agent = agent_of.options(scheduling_strategy=where).remote(self._share, choice.cores)
            name = found["NodeManagerHostname"]
            described = agent.describe.remote(
                name, threads, architecture, campaign, self._cache_dir
            )
            pending.append((described, agent, where))
        sites = []
        for described, agent, where in pending:
            node = _answered(described)
            if isinstance(node, HarnessError):
                raise node
            sites.append(_Site(node, agent, where))
        return sites

    def _dispatch(self) -> None:
        """Give every site as much as it can hold."""
        while self._waiting:
            site = min(self._sites, key=lambda s: s.load)
            if site.load > AHEAD:
                break
            unit = self._waiting.popleft()
            processors = None if self._share is None else self._share.housekeeping
            task = self._prepare.options(scheduling_strategy=site.where)
            ref = task.remote(unit, site.node, self._cache_dir, processors)
            self._running[ref] = (site, unit, False)
            site.preparing += 1
            self._watch(Event(unit, "preparing", site.node.name))
        for site in self._sites:
            while site.ready and site.measuring < site.node.slots:
                unit, prepared = site.ready.popleft()
                ref = site.agent.measure.remote(prepared, unit, self._cache_dir)
                self._running[ref] = (site, unit, True)
                site.measuring += 1
                self._watch(Event(unit, "measuring", site.node.name))

    def _collected(self, ref: Any) -> tuple[Unit, UnitOutcome] | None:
        """What a finished task or call brought: an outcome, or a unit ready to be measured."""
        site, unit, measured = self._running.pop(ref)
        if measured:
            site.measuring -= 1
        else:
            site.preparing -= 1
        try:
            value = ray.get(ref)
        except RayTaskError as error:
            log.error("%s: %s", unit.problem.name, error)
            reason = str(error.cause).splitlines()[0] if str(error.cause) else repr(error.cause)
            return unit, lost(unit, "measure" if measured else "compile", reason, site.node)
        except RayError as error:
            return self._again(unit, site.node, str(error).splitlines()[0])
        if measured:
            return unit, value
        site.ready.append((unit, ref))
        return None

    def _again(self, unit: Unit, node: Node, reason: str) -> tuple[Unit, UnitOutcome] | None:
        """A worker died under a unit: once more, or given up."""
        log.warning("%s, attempt %d: %s", unit.problem.name, unit.attempt, reason)
        if unit.attempt >= ATTEMPTS:
            return unit, lost(unit, "measure", f"gave up after {ATTEMPTS} attempts: {reason}", node)
        self._waiting.append(replace(unit, attempt=unit.attempt + 1))
        return None
