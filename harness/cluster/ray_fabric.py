"""Orders over Ray: compile and analyse as ordinary tasks, measure in one agent for each node.

What comes back is put into one queue by Ray's own threads, so that the driver waits for that and
never looks through what is under way, which with a thousand nodes is tens of thousands of calls.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import ray
from ray.exceptions import RayActorError, RayError, RayTaskError

from harness.account import expanded
from harness.choices import ArchitectureChoice, ClusterChoice
from harness.cluster.agent import Agent, prepare
from harness.cluster.answers import Answer, Described, Fault, Heard, Measured, Prepared
from harness.cluster.members import Member, answer_seconds, members, portable, refuse_lacking
from harness.cluster.node import Share, share_of
from harness.cluster.pool import Node
from harness.cluster.queues import THREADS
from harness.cluster.ray_start import join, start_local
from harness.cluster.work import Work
from harness.kernel.toolchain import SCRATCH
from harness.scratch import clear_scratch
from harness.unit import Contender, Unit

BEAT, MEASURE = "beat", "measure"  # concurrency groups of an agent: a heartbeat never queues

_Made = Callable[[Any], Answer]  # of a value or a Fault


class RayFabric:
    """See harness.cluster.fabric.Fabric. `local` starts a cluster and ends it, `ray` joins one.

    A `share` that is given is that of every node.
    """

    def __init__(
        self,
        choice: ClusterChoice,
        architecture: ArchitectureChoice,
        threads: int,
        campaign: str,
        cache: Path,
        work: Work,
        share: Share | None,
    ) -> None:
        self._choice = choice
        self._cache = cache
        self._agents: dict[str, Any] = {}  # by site
        self._came: SimpleQueue[tuple[_Made, Future[Any]]] = SimpleQueue()
        try:
            if choice.kind == "local":
                share = share_of(choice.cores, choice.exclusive) if share is None else share
                start_local(share)
            else:
                join(choice)
                self._cache = portable(cache)
            self._work = ray.put(work)
            self._prepare = ray.remote(num_cpus=1, max_retries=0, num_returns=2)(prepare)
            self._agent = ray.remote(
                num_cpus=0, max_restarts=0, concurrency_groups={BEAT: 1, MEASURE: THREADS}
            )(Agent)
            self._made_with = (self._work, share, choice.exclusive)
            self._described_with = (threads, architecture, campaign, self._cache)
        except BaseException:
            self.close()
            raise

    def now(self) -> float:
        return time.monotonic()

    def members(self) -> tuple[Member, ...]:
        return members(self._choice)

    def check(self) -> None:
        if self._choice.kind == "ray":
            refuse_lacking(self.members(), self._cache, answer_seconds(self._choice))

    def start(self, member: Member, agent: int) -> None:
        placed = self._agent.options(scheduling_strategy=member.where)
        made = self._agents[member.id] = placed.remote(*self._made_with, member.cores)
        described = made.describe.options(concurrency_group=BEAT)
        call = described.remote(member.name, *self._described_with)
        self._expect(call, partial(Described, member.id, agent))

    def end(self, site: str) -> None:
        agent = self._agents.pop(site, None)
        if agent is not None:
            ray.kill(agent)

    def ask(self, site: str, agent: int) -> None:
        call = self._agents[site].beat.options(concurrency_group=BEAT).remote()
        self._expect(call, partial(Heard, site, agent))

    def prepare(
        self, unit: Unit, node: Node, builder: Member, housekeeping: tuple[int, ...]
    ) -> Any:
        task = self._prepare.options(scheduling_strategy=builder.where)
        arguments = (self._work, unit, node.architecture, self._cache, housekeeping)
        call, compiled = task.remote(*arguments)
        self._expect(call, partial(Prepared, (unit.key, unit.attempt)))
        return call, compiled

    def cancel(self, handle: Any) -> None:
        ray.cancel(handle[0], force=True)

    def measure(self, unit: Unit, handle: Any, site: str) -> None:
        measure = self._agents[site].measure.options(concurrency_group=MEASURE)
        call = measure.remote(handle[1], unit)
        self._expect(call, partial(Measured, (unit.key, unit.attempt)))

    def answers(self, seconds: float) -> Sequence[Answer]:
        came = []
        with suppress(Empty):
            came.append(self._came.get(timeout=seconds))
            while True:
                came.append(self._came.get_nowait())
        return [made(_result(future)) for made, future in came]

    def installed(
        self, sites: Sequence[str], baselines: Sequence[Contender], seconds: float
    ) -> list[tuple[Contender, ...]]:
        asked = [
            self._agents[site].installed.options(concurrency_group=BEAT).remote(baselines)
            for site in sites
        ]
        answers = []
        for answer in asked:
            with suppress(RayError):  # of a node that went meanwhile
                answers.append(ray.get(answer, timeout=seconds))
        return answers

    def close(self) -> None:
        if ray.is_initialized():
            for site in tuple(self._agents):
                self.end(site)
        self._agents = {}
        ray.shutdown()
        clear_scratch(expanded(self._cache) / SCRATCH)

    def _expect(self, call: Any, made: _Made) -> None:
        """Ray's thread puts the answer into the queue, and does nothing else with it."""
        future: Future[Any] = call.future()
        future.add_done_callback(lambda done: self._came.put((made, done)))


def _result(future: Future[Any]) -> Any:
    """The value, or the Fault that Ray's exceptions mean."""
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, RayTaskError):
        cause = error.cause
        node = isinstance(cause, RayError | OSError)  # the node's fault, and not the unit's
        return Fault("way" if node else "unit", first_line(cause), str(error))
    if isinstance(error, RayActorError):
        return Fault("agent", first_line(error))
    return Fault("way", first_line(error))


def first_line(error: BaseException) -> str:
    """What an exception says, in one line."""
    return next(iter(str(error).strip().splitlines()), "") or type(error).__name__
