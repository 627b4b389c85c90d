"""The driver's loop: answers in, orders out, outcomes to whoever runs the campaign."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence

from harness.cluster.answers import Answer, Described
from harness.cluster.fabric import Fabric
from harness.cluster.node import AnotherMachine
from harness.cluster.orders import Ask, Cancel, End, Finish, Measure, Order, Prepare, Start, Tell
from harness.cluster.patience import Patience
from harness.cluster.pool import Event, Node, Watch
from harness.cluster.scheduler import Scheduler
from harness.errors import EnvironmentProblem, HarnessError, SettingsError
from harness.trial import UnitOutcome
from harness.unit import Contender, Unit

log = logging.getLogger("polydl")

WAIT_SECONDS = 0.25  # for an answer, before the clock is looked at again
LOOK_SECONDS = 2.0  # between two looks at the list of nodes


class ClusterPool:
    """See harness.cluster.pool.Pool: what the scheduler decides, carried out by a fabric.

    Deadlines are of the driver's own time. While it stood still (a full disk, a machine asleep, a
    plan of a million units) nobody could be heard, so little of that counts against anybody.
    """

    def __init__(self, fabric: Fabric, patience: Patience, watch: Watch) -> None:
        self._fabric = fabric
        self._patience = patience
        self._watch = watch
        self._scheduler = Scheduler(patience)
        self._told: set[str] = set()
        self._now = 0.0
        self._clock = fabric.now()
        self._looked = self._clock
        try:
            self._open_sites()
        except BaseException:
            self.close()
            raise

    def nodes(self) -> tuple[Node, ...]:
        return self._scheduler.nodes()

    def installed(self, baselines: Sequence[Contender]) -> tuple[Contender, ...]:
        asked = [site.id for site in self._scheduler.sites if site.open]
        answers = self._fabric.installed(asked, baselines, self._patience.describe)
        return tuple(b for b in baselines if answers and all(b in has for has in answers))

    def submit(self, unit: Unit) -> None:
        self._scheduler.submit(unit)

    def outcomes(self) -> Iterator[tuple[Unit, UnitOutcome]]:
        answers: Sequence[Answer] = ()
        while self._scheduler.outstanding:
            yield from self.turn(answers)
            if self._scheduler.outstanding:
                answers = self._fabric.answers(WAIT_SECONDS)

    def turn(self, answers: Iterable[Answer]) -> list[tuple[Unit, UnitOutcome]]:
        """Take in what has come, decide, and see to it; the units that have ended."""
        now = self._moment()
        for answer in answers:
            self._scheduler.answered(answer, now)
        if self._clock - self._looked >= LOOK_SECONDS:
            self._looked = self._clock
            self._look(now)
        return self._carried_out(self._scheduler.decide(now))

    def close(self) -> None:
        """Ends the agents; their children die with them."""
        self._scheduler.clear()
        self._fabric.close()

    def _moment(self) -> float:
        clock = self._fabric.now()
        self._now += min(clock - self._clock, self._patience.silent / 2)
        self._clock = clock
        return self._now

    def _open_sites(self) -> None:
        """All together; what a node refuses is raised, whoever does not answer is left for now."""
        self._scheduler.listed(self._fabric.members(), self._moment())
        sites = self._scheduler.sites
        if not sites:
            raise EnvironmentProblem("the Ray cluster has no node that is alive and has a CPU")
        self._carried_out(self._scheduler.decide(self._now))
        self._fabric.check()  # while the agents start
        while any(site.state == "starting" and site.agent == 1 for site in sites):
            answers = self._fabric.answers(WAIT_SECONDS)
            for answer in answers:
                refused = answer.result if isinstance(answer, Described) else None
                if isinstance(refused, HarnessError) and not isinstance(refused, AnotherMachine):
                    raise refused
            self.turn(answers)
        refusals = [site.refusal for site in sites if site.refusal is not None]
        if len(refusals) == len(sites):
            raise refusals[0].of_all(refusals)
        if not self.nodes():
            silent = [site for site in sites if site.refusal is None]
            told = (f"the agent of {site.name} does not answer: {site.lost}" for site in silent)
            raise EnvironmentProblem("; ".join(told))

    def _look(self, now: float) -> None:
        try:
            self._scheduler.listed(self._fabric.members(), now)
        except SettingsError as error:  # a node joined whose label is wrong: others go on
            if str(error) not in self._told:
                self._told.add(str(error))
                log.warning("%s", error)

    def _carried_out(self, orders: Sequence[Order]) -> list[tuple[Unit, UnitOutcome]]:
        finished = []
        for order in orders:
            match order:
                case Start(site):
                    self._fabric.start(site.member, site.agent)
                case Ask(site):
                    self._fabric.ask(site.id, site.agent)
                case End(site):
                    self._fabric.end(site.id)
                case Prepare(flight, node):
                    assert flight.builder is not None, "it was chosen"
                    builder = flight.builder
                    flight.handle = self._fabric.prepare(
                        flight.unit, node, builder.member, builder.node.housekeeping
                    )
                    self._watch(Event(flight.unit, "preparing", builder.name))
                case Measure(flight):
                    assert flight.site is not None, "it was chosen"
                    self._fabric.measure(flight.unit, flight.handle, flight.site.id)
                    self._watch(Event(flight.unit, "prepared", flight.site.name))
                case Cancel(handle):
                    self._fabric.cancel(handle)
                case Tell(event):
                    self._watch(event)
                case Finish(unit, outcome):
                    finished.append((unit, outcome))
        return finished
