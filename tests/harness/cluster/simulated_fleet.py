"""A fleet that nobody has: nodes on a virtual clock, under the real pool and scheduler."""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from heapq import heappop, heappush
from typing import Any

from harness.cluster.answers import (
    Answer,
    Attempt,
    Beat,
    Described,
    Fault,
    Heard,
    Measured,
    Prepared,
)
from harness.cluster.cluster_pool import ClusterPool
from harness.cluster.members import Member
from harness.cluster.patience import Patience
from harness.cluster.pool import QUEUED, Event, Node
from harness.trial import UnitOutcome
from harness.unit import Contender, Unit
from tests.harness.campaigns import NODE, plan_from

PREPARES = 0.4  # seconds
TRAVELS = 0.01
STARTS = 3.0  # an agent
DEAD_SECONDS = 2.0  # until Ray tells of an agent that died
OUTCOME = UnitOutcome(())  # the records are no part of what is simulated


def many_units(count: int) -> Iterator[Unit]:
    """Different ones, as few bytes each as a unit can have."""
    (unit,) = plan_from("primitive=matmul", "baseline=[]").units
    for number in range(count):
        yield replace(unit, problem=replace(unit.problem, name=f"p{number}"))


@dataclass(eq=False)
class Machine:
    """A node, and its agent while `agent` is not 0."""

    member: Member
    node: Node
    agent: int = 0
    life: int = 0  # of its agents, each another one: a node that comes back numbers them anew
    free: int = 0
    queued: deque[Unit] = field(default_factory=deque)
    measuring: dict[Attempt, Unit] = field(default_factory=dict)
    there: bool = True
    busy: float = 0.0  # seconds of its slots


class SimulatedFleet:
    """See harness.cluster.fabric.Fabric. `seconds` says how long a unit is measured."""

    def __init__(
        self, nodes: int, slots: int, seconds: Callable[[Unit], float], kinds: int = 1
    ) -> None:
        self.clock = 0.0
        self._seconds = seconds
        self._random = random.Random(0)
        self._due: list[tuple[float, int, Callable[[], Answer | None]]] = []
        self._number = 0
        self.measured = 0  # units whose measurement ended, counted or not
        self.machines = {}
        for number in range(nodes):
            name = f"n{number:05d}"
            node = replace(NODE, name=name, slots=slots, fingerprint=f"{number % kinds:016x}")
            self.machines[name] = Machine(Member(name, name, 1), node)

    # The Fabric

    def now(self) -> float:
        return self.clock

    def members(self) -> tuple[Member, ...]:
        return tuple(m.member for m in self.machines.values() if m.there)

    def check(self) -> None: ...

    def start(self, member: Member, agent: int) -> None:
        machine = self.machines[member.id]
        machine.agent, machine.free = agent, machine.node.slots
        machine.life += 1
        machine.queued.clear()
        machine.measuring.clear()
        if machine.there:
            after, life = STARTS * self._random.uniform(0.5, 1.5), machine.life
            self._answer(after, lambda: self._of(machine, life, machine.node, Described))

    def end(self, site: str) -> None:
        self.machines[site].agent = 0

    def ask(self, site: str, agent: int) -> None:
        machine = self.machines[site]
        life = machine.life
        self._answer(TRAVELS, lambda: self._of(machine, life, self._beat(machine), Heard))

    def prepare(
        self, unit: Unit, node: Node, builder: Member, housekeeping: tuple[int, ...]
    ) -> Any:
        attempt = (unit.key, unit.attempt)
        self._answer(PREPARES, lambda: Prepared(attempt, None))

    def cancel(self, handle: Any) -> None: ...

    def measure(self, unit: Unit, handle: Any, site: str) -> None:
        machine = self.machines[site]
        machine.queued.append(unit)
        self._next(machine)

    def answers(self, seconds: float) -> Sequence[Answer]:
        """One at a time, so that a turn is one event."""
        end = self.clock + seconds
        while self._due and self._due[0][0] <= end:
            moment, _, happens = heappop(self._due)
            self.clock = max(self.clock, moment)  # what was due while nobody looked comes now
            answer = happens()
            if answer is not None:
                return (answer,)
        self.clock = end
        return ()

    def installed(
        self, sites: Sequence[str], baselines: Sequence[Contender], seconds: float
    ) -> list[tuple[Contender, ...]]:
        return []

    def close(self) -> None:
        self._due.clear()

    # What happens to it

    def at(self, moment: float, happens: Callable[[], Answer | None]) -> None:
        self._number += 1
        heappush(self._due, (moment, self._number, happens))

    def kill_agent(self, machine: Machine) -> None:
        """Its calls fail when Ray has seen it."""
        self._fail(machine, "killed")

    def kill_node(self, machine: Machine, returns_after: float) -> None:
        """It falls silent, and comes back."""
        self._fail(machine, None)
        machine.there = False

        def back() -> None:
            machine.there = True

        self.at(self.clock + returns_after, back)

    def _fail(self, machine: Machine, reason: str | None) -> None:
        attempts = [*machine.measuring, *((u.key, u.attempt) for u in machine.queued)]
        machine.agent = 0
        if reason is not None:
            for attempt in attempts:
                lost = Measured(attempt, Fault("agent", reason))
                self._answer(DEAD_SECONDS, partial(_as_it_is, lost))

    def _next(self, machine: Machine) -> None:
        while machine.free and machine.queued:
            unit, life = machine.queued.popleft(), machine.life
            machine.free -= 1
            machine.measuring[unit.key, unit.attempt] = unit
            seconds = self._seconds(unit)

            def over(
                unit: Unit = unit, seconds: float = seconds, life: int = life
            ) -> Answer | None:
                if not machine.agent or machine.life != life:
                    return None
                del machine.measuring[unit.key, unit.attempt]
                machine.free += 1
                machine.busy += seconds
                self.measured += 1
                self._next(machine)
                return Measured((unit.key, unit.attempt), OUTCOME)

            self._answer(seconds, over)

    def _of(
        self, machine: Machine, life: int, result: Any, kind: type[Described] | type[Heard]
    ) -> Answer | None:
        alive = machine.agent and machine.life == life and machine.there
        return kind(machine.member.id, machine.agent, result) if alive else None

    def _beat(self, machine: Machine) -> Beat:
        queued = {(unit.key, unit.attempt): QUEUED for unit in machine.queued}
        return Beat(dict.fromkeys(machine.measuring, "") | queued, machine.node.slots)

    def _answer(self, after: float, happens: Callable[[], Answer | None]) -> None:
        self.at(self.clock + after, happens)


def _as_it_is(answer: Answer) -> Answer:
    return answer


class TimedPool(ClusterPool):
    """Keeps what its turns cost, in seconds of processor time: those in which a unit ended, all."""

    def __init__(self, fleet: SimulatedFleet, events: Callable[[Event], None]) -> None:
        self.ended: list[float] = []
        self.spent = 0.0
        self.turns = 0
        super().__init__(fleet, Patience(), events)

    def turn(self, answers: Iterable[Answer]) -> list[tuple[Unit, UnitOutcome]]:
        begin = time.process_time()
        finished = super().turn(answers)
        spent = time.process_time() - begin
        self.spent += spent
        self.turns += 1
        if finished:
            self.ended.append(spent / len(finished))
        return finished
