"""What a cluster's driver decides: values in, values out, whoever carries them out.

Answers and lists of nodes come in with the time at which they came, orders go out. Ray, clocks and
waiting are elsewhere, so that a fleet that nobody has is run through the same code.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from harness.cluster.alarms import Alarms
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
from harness.cluster.flight import Flight
from harness.cluster.members import Member
from harness.cluster.node import AnotherMachine
from harness.cluster.orders import (
    Ask,
    Cancel,
    End,
    Finish,
    Measure,
    Order,
    Prepare,
    Start,
    Tell,
)
from harness.cluster.patience import Patience, measure_limit, prepare_limit
from harness.cluster.pool import Event, Node, lost
from harness.cluster.queues import Queues
from harness.cluster.site import Site
from harness.errors import HarnessError
from harness.record.result import Stage
from harness.trial import UnitOutcome
from harness.unit import Unit

log = logging.getLogger("polydl")

LATE = "unit %s: a late answer to attempt %d"


class Scheduler:
    """Sites and units, and what becomes of both.

    A unit is prepared for a kind of node, on any node of that kind, and measured by any of them.
    Whatever dies or falls silent on the way costs it an attempt, and it goes elsewhere.
    """

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._queues = Queues()
        self._active: dict[str, Flight] = {}  # by the unit's key; those that have begun
        self._sites: dict[str, Site] = {}
        self._alone: float | None = None  # since when no site is open
        self._first: Node | None = None  # what is given up names it, where no other is known
        self._due_sites = Alarms()
        self._due_units = Alarms()
        self._orders: list[Order] = []

    @property
    def outstanding(self) -> bool:
        return bool(self._active) or len(self._queues) > 0 or bool(self._orders)

    @property
    def sites(self) -> tuple[Site, ...]:
        return tuple(self._sites.values())

    def nodes(self) -> tuple[Node, ...]:
        return tuple(site.node for site in self._sites.values() if site.described is not None)

    def submit(self, unit: Unit) -> None:
        self._queues.add(unit)

    def clear(self) -> None:
        """Forget every unit and every site."""
        self._queues = Queues()
        self._active.clear()
        self._sites.clear()
        self._orders.clear()

    # What is heard

    def listed(self, members: Sequence[Member], now: float) -> None:
        """Take in nodes that have come, forget those that will not come back under their id."""
        alive = {member.id: member for member in members}
        for site in [site for site in self._sites.values() if site.id not in alive]:
            self._lose(site, "Ray declared the node dead", now)
            self._due_sites.clear(site.id)
            del self._sites[site.id]
        for identity, member in alive.items():
            if identity not in self._sites:
                self._sites[identity] = Site(member)
                self._start(self._sites[identity], now)

    def answered(self, answer: Answer, now: float) -> None:
        match answer:
            case Described() | Heard():
                site = self._sites.get(answer.site)
                if site is None or site.agent != answer.agent:
                    return
                if isinstance(answer, Described) and site.state == "starting":
                    self._described(site, answer.result, now)
                elif isinstance(answer, Heard) and site.open:
                    self._heard(site, answer.result, now)
            case Prepared(attempt, result):
                flight = self._tried(attempt)
                if flight is None:
                    log.info(LATE, *attempt)
                elif result is None:
                    self._due_units.clear(flight.unit.key)
                    self._queues.ready(flight)
                else:
                    self._faulty(flight, flight.builder, "compile", result, now)
            case Measured(attempt, result):
                flight = self._tried(attempt)
                if flight is None:
                    log.info(LATE, *attempt)
                elif isinstance(result, Fault):
                    self._faulty(flight, flight.site, "measure", result, now)
                else:
                    assert flight.site is not None, "it was sent"
                    flight.site.strikes = 0
                    self._finish(flight, result)

    def decide(self, now: float) -> list[Order]:
        """All that is to be done now, in this order."""
        for identity in self._due_sites.due(now):
            self._site_due(self._sites[identity], now)
        for key in self._due_units.due(now):
            if key in self._active:  # it may have gone with the one before it
                self._unit_due(self._active[key], now)
        if self._alone is not None and now - self._alone > self._patience.without_nodes:
            self._give_up_all(f"no node was left for {self._patience.without_nodes:.0f} s")
        while (flight := self._queues.begin()) is not None:
            self._active[flight.unit.key] = flight
            self._due_units.set(flight.unit.key, now + prepare_limit(flight.unit))
            self._orders.append(Prepare(flight, self._queues.node(flight.kind)))
        while (flight := self._queues.send()) is not None:
            self._due_units.set(flight.unit.key, now + self._patience.arrival)
            self._orders.append(Measure(flight))
        orders, self._orders = self._orders, []
        return orders

    # Sites

    def _start(self, site: Site, now: float) -> None:
        site.start(now)
        self._orders.append(Start(site))
        self._set_alarm(site)

    def _set_alarm(self, site: Site) -> None:
        due = site.due(self._patience, len(self._sites))
        if due is None:
            self._due_sites.clear(site.id)
        else:
            self._due_sites.set(site.id, due)

    def _described(self, site: Site, result: Node | HarnessError | Fault, now: float) -> None:
        if isinstance(result, AnotherMachine):
            site.take(result, now)
            self._orders.append(End(site))
        elif isinstance(result, HarnessError | Fault):
            told = result.reason if isinstance(result, Fault) else str(result)
            self._lose(site, told, now)
        else:
            site.take(result, now)
            if site.strikes:
                log.warning("%s is back, with %d slots", site.name, site.node.slots)
            self._queues.open(site)
            self._alone = None
            self._first = self._first or site.node
        self._set_alarm(site)

    def _heard(self, site: Site, result: Beat | Fault, now: float) -> None:
        if isinstance(result, Fault):
            self._lose(site, f"its agent died: {result.reason}", now)
        elif result.slots == 0:
            self._lose(site, "no core to measure on is left", now)
        else:
            before = site.node.slots
            site.hear(result.slots, now)
            if result.slots != before:
                self._queues.resized(site, result.slots - before)
            self._set_alarm(site)
            self._told_by(site, result, now)

    def _told_by(self, site: Site, beat: Beat, now: float) -> None:
        """What an agent says of its units; a deadline does not run while a unit only waits."""
        for attempt, waits_for in beat.doing.items():
            flight = self._tried(attempt)
            if flight is None or flight.site is not site:
                continue
            sent = flight.step == "sent"
            if waits_for and flight.note != waits_for:
                self._tell(Event(flight.unit, "waiting", site.name, waits_for))
            if not waits_for and (flight.note or sent):
                self._tell(Event(flight.unit, "measuring", site.name))
            if sent:
                self._queues.measuring(flight)
            if waits_for or sent:
                self._due_units.set(flight.unit.key, now + measure_limit(flight.unit))
            flight.note = waits_for

    def _site_due(self, site: Site, now: float) -> None:
        if site.state == "resting":
            self._start(site, now)
        elif site.state == "starting":
            self._lose(site, "its agent does not start", now)
        elif site.waiting:
            self._lose(site, f"silent for {now - site.heard:.0f} s", now)
        else:
            site.ask(now)
            self._orders.append(Ask(site))
            self._set_alarm(site)

    def _lose(self, site: Site, reason: str, now: float) -> None:
        """Quarantine a site; every unit that depends on it goes elsewhere."""
        if site.state not in ("open", "starting"):
            return
        for flight in self._queues.dependent(site):
            self._again(flight, site, reason)
        if site.open:
            self._queues.close(site)
            if not self._queues.sites:
                self._alone = now
        self._orders.append(End(site))
        seconds = site.rest(reason, now, self._patience)
        log.warning("%s is quarantined for %.0f s: %s", site.name, seconds, reason)
        self._set_alarm(site)

    # Units

    def _tried(self, attempt: Attempt) -> Flight | None:
        """The flight of an attempt; None where another one has begun, or the unit has ended."""
        key, number = attempt
        flight = self._active.get(key)
        return flight if flight is not None and flight.unit.attempt == number else None

    def _unit_due(self, flight: Flight, now: float) -> None:
        """A task can be ended alone; a thread of an agent only with its agent."""
        unit = flight.unit
        if flight.step == "preparing":
            self._orders.append(Cancel(flight.handle))
            limit = prepare_limit(unit)
            self._again(flight, flight.builder, f"preparing for more than {limit:.0f} s")
        elif flight.site is not None:
            limit = self._patience.arrival if flight.step == "sent" else measure_limit(unit)
            reason = f"{unit.problem.name}: {flight.step} for more than {limit:.0f} s"
            self._lose(flight.site, reason, now)

    def _faulty(
        self, flight: Flight, site: Site | None, stage: Stage, fault: Fault, now: float
    ) -> None:
        assert site is not None, "it was sent there"
        if fault.of == "agent":
            self._lose(site, f"its agent died: {fault.reason}", now)
        elif fault.of == "way":
            self._again(flight, site, fault.reason)
        else:
            log.error("%s: %s", flight.unit.problem.name, fault.trace)
            self._finish(flight, lost(flight.unit, stage, fault.reason, site.node))

    def _finish(self, flight: Flight, outcome: UnitOutcome) -> None:
        self._leave(flight)
        self._orders.append(Finish(flight.unit, outcome))

    def _again(self, flight: Flight, site: Site | None, reason: str) -> None:
        """One attempt is lost: the unit goes back to the front of the queue, or is given up."""
        unit = flight.unit
        log.warning("%s, attempt %d: %s", unit.problem.name, unit.attempt, reason)
        self._leave(flight)
        known = site is not None and site.described is not None
        node = site.node if site is not None and known else self._first
        flight.failed(site, reason)
        if unit.attempt >= self._patience.attempts:
            outcome = lost(unit, "measure", flight.told(), node)
            self._orders.append(Finish(unit, outcome))
        else:
            self._queues.put_back(flight)

    def _leave(self, flight: Flight) -> None:
        del self._active[flight.unit.key]
        self._due_units.clear(flight.unit.key)
        self._queues.leave(flight)

    def _give_up_all(self, reason: str) -> None:
        active = list(self._active.values())
        for flight in active:
            self._leave(flight)
        for flight in (*active, *self._queues.emptied()):
            flight.history.append(reason)
            outcome = lost(flight.unit, "measure", "; ".join(flight.history), self._first)
            self._orders.append(Finish(flight.unit, outcome))

    def _tell(self, event: Event) -> None:
        self._orders.append(Tell(event))
