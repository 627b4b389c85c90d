"""A replayed Ray: machines that do what a test says, in a time that passes only in Ray's waits.

It stands at the boundary, under the real fabric, pool and scheduler: what is tested is what they
decide. The fault tests do the same with real nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from math import inf
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from ray.exceptions import GetTimeoutError, RayActorError, TaskCancelledError

from harness.cluster import ray_fabric
from harness.cluster.agent import Agent
from harness.cluster.answers import Beat
from harness.cluster.members import Member
from harness.cluster.pool import QUEUED, Event, Node
from harness.cluster.ray_pool import RayPool
from harness.errors import HarnessError
from harness.settings import load_settings
from harness.trial import UnitOutcome
from harness.unit import Contender, Unit
from tests.harness.campaigns import NODE, replayed

LIMIT = 5000.0  # seconds; a pool that goes on for longer has lost something


@dataclass(eq=False)
class Ref:
    """What will be there at `due`: a value, or an error to be raised."""

    due: float
    value: Callable[[], Any] = lambda: None
    error: BaseException | None = None
    ray: ReplayedRay | None = None

    def future(self) -> Coming:
        assert self.ray is not None
        return Coming(self, self.ray)


@dataclass(eq=False)
class Coming:
    """The future of a reference: Ray's thread calls back when it is due."""

    ref: Ref
    ray: ReplayedRay

    def add_done_callback(self, called: Callable[[Any], None]) -> None:
        self.ray.coming.append((self, called))

    def exception(self) -> BaseException | None:
        return self.ref.error

    def result(self) -> Any:
        return self.ref.value()


class Mailbox:
    """A queue whose wait is where the time passes."""

    def __init__(self, ray: ReplayedRay) -> None:
        self._ray = ray
        self._held: list[Any] = []

    def put(self, item: Any) -> None:
        self._held.append(item)

    def get(self, timeout: float) -> Any:
        self._ray.call_back()
        if not self._held:
            first = min((coming.ref.due for coming, _ in self._ray.coming), default=inf)
            self._ray.sleep(min(timeout, max(0.001, first - self._ray.now)))
            self._ray.call_back()
        return self.get_nowait()

    def get_nowait(self) -> Any:
        if not self._held:
            raise Empty
        return self._held.pop(0)


@dataclass(eq=False)
class Machine:
    """A node with its agent; a test changes it while it runs."""

    name: str
    slots: int = 1
    kind: str = "f" * 16
    cpus: int = 1
    prepares: float = 1.0  # seconds
    measures: float = 2.0
    listed: bool = True
    silent: bool = False
    refuses: HarnessError | None = None
    prepare_error: Callable[[Unit], BaseException | None] = lambda unit: None
    measure_error: Callable[[Unit], BaseException | None] = lambda unit: None
    has: Sequence[str] = ()  # labels of baselines
    agents: int = 0
    built: list[str] = field(default_factory=list)  # what it was asked for, in order
    sent: list[str] = field(default_factory=list)
    most_sent: int = 0  # at a time

    @property
    def id(self) -> str:
        """As Ray's: hexadecimal."""
        return self.name.encode().hex().ljust(56, "0")

    @property
    def node(self) -> Node:
        return replace(NODE, name=self.name, fingerprint=self.kind, slots=self.slots)


class Call:
    """`function.options(...).remote(...)` of a task or of an actor's method."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._where: Any = None

    def options(self, **options: Any) -> Call:
        placed = Call(self._function)
        placed._where = options.get("scheduling_strategy")
        return placed

    def remote(self, *arguments: Any) -> Any:
        if self._where is None:
            return self._function(*arguments)
        return self._function(self._where.node_id, *arguments)


class ReplayedAgent:
    """An agent's process on a machine, with Ray's references that hang on it."""

    def __init__(self, ray: ReplayedRay, machine: Machine) -> None:
        self._ray, self._machine = ray, machine
        self._free = [0.0] * machine.slots
        self._units: list[tuple[Unit, float, Ref]] = []
        self._pending: list[Ref] = []
        self.alive = True
        machine.agents += 1
        self.describe, self.beat = Call(self._describe), Call(self._beat)
        self.measure, self.installed = Call(self._measure), Call(self._installed)

    def die(self, reason: str) -> None:
        self.alive = False
        for ref in self._pending:
            if ref.due > self._ray.now:
                ref.due, ref.error = self._ray.now, RayActorError(error_msg=reason)

    def _answer(self, after: float, value: Callable[[], Any], error: Any = None) -> Ref:
        if not self.alive:
            dead = RayActorError(error_msg="it is dead")
            return Ref(self._ray.now, error=dead, ray=self._ray)
        due = inf if self._machine.silent else self._ray.now + after
        ref = Ref(due, value, error, self._ray)
        self._pending.append(ref)
        return ref

    def _describe(self, name: str, *_: object) -> Ref:
        assert name == self._machine.name
        return self._answer(0.5, lambda: self._machine.refuses or self._machine.node)

    def _beat(self) -> Ref:
        """What it was when it was asked; it arrives when some of it is over."""
        beat = Beat(self._doing(), self._machine.slots)
        return self._answer(0.3, lambda: beat)

    def _doing(self) -> dict[tuple[str, int], str]:
        now = self._ray.now
        return {
            (unit.key, unit.attempt): "" if start <= now else QUEUED
            for unit, start, ref in self._units
            if ref.due > now
        }

    def _measure(self, prepared: object, unit: Unit) -> Ref:
        self._machine.sent.append(unit.key)
        start = max(self._ray.now, min(self._free, default=self._ray.now))
        end = start + self._machine.measures
        if self._free:
            self._free[self._free.index(min(self._free))] = end
        results = tuple(replayed(unit, c) for c in unit.contenders)
        outcome = UnitOutcome(results).on(self._machine.name)
        error = self._machine.measure_error(unit)
        ref = self._answer(end - self._ray.now, lambda: outcome, error)
        self._units.append((unit, start, ref))
        busy = sum(r.due > self._ray.now for _, _, r in self._units)
        self._machine.most_sent = max(self._machine.most_sent, busy)
        return ref

    def _installed(self, baselines: Sequence[Contender]) -> Ref:
        return self._answer(0.1, lambda: tuple(b for b in baselines if b.name in self._machine.has))


class ReplayedRay:
    """What the pool and its sites call of the package `ray`, and its clock."""

    def __init__(self, *machines: Machine) -> None:
        self.now = 0.0
        self.machines = machines
        self.agents: dict[str, ReplayedAgent] = {}
        self.cancelled = self.downs = 0
        self.most_ahead = 0
        self.coming: list[tuple[Coming, Callable[[Any], None]]] = []
        self._due: list[tuple[float, Callable[[], None]]] = []
        self._preparing: list[Ref] = []

    def at(self, moment: float, happens: Callable[[], None]) -> None:
        self._due.append((moment, happens))

    def members(self, choice: object) -> tuple[Member, ...]:
        return tuple(Member(m.id, m.name, m.cpus) for m in self.machines if m.listed)

    def remote(self, **options: Any) -> Callable[[Any], Call]:
        """What dies is repeated by the pool, elsewhere, and never by Ray itself."""
        repeats = ("max_restarts", "max_retries")
        assert [options[name] for name in repeats if name in options] == [0]
        assert options["num_cpus"] == (0 if "concurrency_groups" in options else 1)
        return lambda what: Call(self._agent if what is Agent else self._prepare)

    def put(self, value: object) -> object:
        return value

    def call_back(self) -> None:
        """Whoever waits for what is due by now."""
        due = [one for one in self.coming if one[0].ref.due <= self.now]
        self.coming = [one for one in self.coming if one not in due]
        for coming, called in sorted(due, key=lambda one: one[0].ref.due):
            called(coming)

    def get(self, ref: Ref, timeout: float = inf) -> Any:
        if ref.due > self.now:
            self.sleep(min(timeout, ref.due - self.now))
        if ref.due > self.now:
            raise GetTimeoutError("nothing came")
        if ref.error is not None:
            raise ref.error
        return ref.value()

    def kill(self, agent: ReplayedAgent) -> None:
        agent.die("killed")

    def cancel(self, ref: Ref, force: bool) -> None:
        assert force
        self.cancelled += 1
        ref.due, ref.error = self.now, TaskCancelledError()

    def is_initialized(self) -> bool:
        return True

    def shutdown(self) -> None:
        self.downs += 1

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        end = self.now + seconds
        assert end < LIMIT, "the pool goes on for ever"
        for due in sorted((d for d in self._due if d[0] <= end), key=lambda d: d[0]):
            self._due.remove(due)
            self.now = max(self.now, due[0])
            due[1]()
        self.now = end

    def _agent(self, where: str, *_: object) -> ReplayedAgent:
        machine = self._at(where)
        self.agents[machine.name] = ReplayedAgent(self, machine)
        return self.agents[machine.name]

    def _at(self, where: str) -> Machine:
        return next(machine for machine in self.machines if machine.id == where)

    def _prepare(self, where: str, work: object, unit: Unit, *_: object) -> tuple[Ref, str]:
        machine = self._at(where)
        machine.built.append(unit.key)
        ref = Ref(self.now + machine.prepares, error=machine.prepare_error(unit), ray=self)
        self._preparing = [r for r in (*self._preparing, ref) if r.due > self.now]
        self.most_ahead = max(self.most_ahead, len(self._preparing))
        return ref, f"what {unit.key} was compiled to"


@dataclass
class Replay:
    """A real pool on replayed machines, with what it told its onlooker."""

    ray: ReplayedRay
    pool: RayPool
    events: list[Event]

    def answers(self, units: Sequence[Unit]) -> dict[str, UnitOutcome]:
        """By the unit's key; every unit is answered once."""
        for unit in units:
            self.pool.submit(unit)
        got = list(self.pool.outcomes())
        assert sorted(unit.key for unit, _ in got) == sorted(unit.key for unit in units)
        return {unit.key: outcome for unit, outcome in got}


def replay(
    monkeypatch: pytest.MonkeyPatch, cache: Path, *machines: Machine, options: Sequence[str] = ()
) -> Replay:
    ray, events = ReplayedRay(*machines), list[Event]()
    monkeypatch.setattr(ray_fabric, "ray", ray)
    monkeypatch.setattr(ray_fabric, "time", ray)
    monkeypatch.setattr(ray_fabric, "SimpleQueue", partial(Mailbox, ray))
    monkeypatch.setattr(ray_fabric, "members", ray.members)
    monkeypatch.setattr(ray_fabric, "join", lambda choice: None)
    monkeypatch.setattr(ray_fabric, "refuse_lacking", lambda members, cache, patience: None)
    words = ["primitive=matmul", "cluster=ray", "cluster.address=head:6379", *options]
    (settings,) = load_settings(words)
    pool = RayPool(
        choice=settings.cluster,
        architecture=settings.architecture,
        threads=1,
        campaign="toy",
        cache=cache,
        watch=events.append,
    )
    return Replay(ray, pool, events)
