"""Units that wait, and who takes the next: every choice is kept ready as loads change.

With a thousand nodes a look at all of them for each unit that ends is what a campaign would wait
for, so nothing here is searched: a step costs the logarithm of the number of nodes.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Literal

from harness.cluster.flight import Flight
from harness.cluster.least_loaded import LeastLoaded
from harness.cluster.pool import Node
from harness.cluster.site import Site
from harness.unit import Unit

AHEAD = 4  # units prepared or being prepared for a kind of node, at least
THREADS = 128  # of an agent, that measure or wait for a slot


@dataclass(eq=False, slots=True)
class Load:
    """What an open site has on its hands."""

    site: Site
    units: dict[str, Flight] = field(default_factory=dict)  # whose attempt is lost with the site
    building: int = 0  # units that it compiles
    sent: int = 0  # units that it measures or is to measure

    @property
    def room(self) -> bool:
        """A site holds a quarter more than its slots, so that none waits for the driver."""
        slots = self.site.node.slots
        return self.sent < min(THREADS, slots + (slots + 3) // 4)


@dataclass(eq=False, slots=True)
class Kind:
    """Open sites of one fingerprint: what is prepared on one can be measured on all."""

    loads: dict[str, Load] = field(default_factory=dict)  # by site
    slots: int = 0
    ahead: int = 0  # units preparing or ready
    sent: int = 0
    builders: LeastLoaded = field(default_factory=LeastLoaded)  # by units prepared for a CPU
    roomy: LeastLoaded = field(default_factory=LeastLoaded)  # by units sent for a slot
    ready: OrderedDict[str, Flight] = field(default_factory=OrderedDict)

    @property
    def load(self) -> float:
        """Units on their way for each slot."""
        return (self.ahead + self.sent) / self.slots

    @property
    def full(self) -> bool:
        return self.ahead >= max(AHEAD, 2 * self.slots)

    def weigh(self, load: Load) -> None:
        site = load.site
        self.builders.set(site.id, load.building / site.member.cpus)
        if load.room:
            self.roomy.set(site.id, load.sent / site.node.slots)
        else:
            self.roomy.discard(site.id)


class Queues:
    """Units that have not begun, flights by kind of node, and the loads of both."""

    def __init__(self) -> None:
        self._units: deque[Unit] = deque()
        self._again: deque[Flight] = deque()  # before all others
        self._kinds: dict[str, Kind] = {}
        self._loads: dict[str, Load] = {}  # by site; those that are open
        self._least = LeastLoaded()  # of the kinds
        self._sendable: dict[str, None] = {}  # kinds that may have a unit to send, and room

    def __len__(self) -> int:
        """Units that have not begun."""
        return len(self._units) + len(self._again)

    @property
    def sites(self) -> int:
        """That are open."""
        return len(self._loads)

    def add(self, unit: Unit) -> None:
        self._units.append(unit)

    def put_back(self, flight: Flight) -> None:
        self._again.appendleft(flight)

    def emptied(self) -> list[Flight]:
        """All that have not begun; nobody holds them any more."""
        left = [*self._again, *map(Flight, self._units)]
        self._again.clear()
        self._units.clear()
        return left

    # Sites: open ones take units.

    def open(self, site: Site) -> None:
        kind = self._kinds.setdefault(site.node.fingerprint, Kind())
        load = self._loads[site.id] = kind.loads[site.id] = Load(site)
        kind.slots += site.node.slots
        kind.weigh(load)
        self._weigh(site.node.fingerprint, kind)

    def resized(self, site: Site, more: int) -> None:
        """It has so many slots more, or less."""
        kind = self._kinds[site.node.fingerprint]
        kind.slots += more
        kind.weigh(self._loads[site.id])
        self._weigh(site.node.fingerprint, kind)

    def close(self, site: Site) -> None:
        """Once the units that depend on it have left."""
        name = site.node.fingerprint
        kind = self._kinds[name]
        del self._loads[site.id], kind.loads[site.id]
        kind.slots -= site.node.slots
        kind.builders.discard(site.id)
        kind.roomy.discard(site.id)
        if kind.loads:
            self._weigh(name, kind)
        else:
            del self._kinds[name]
            self._least.discard(name)
            self._sendable.pop(name, None)

    def node(self, kind: str) -> Node:
        """What units are prepared for: the first of its kind."""
        return next(iter(self._kinds[kind].loads.values())).site.node

    def dependent(self, site: Site) -> list[Flight]:
        """Units whose attempt is lost with the site: it compiles or measures them."""
        return list(self._loads[site.id].units.values()) if site.id in self._loads else []

    # Flights: each is counted where it is.

    def begin(self) -> Flight | None:
        """The next unit to be prepared, with its builder, while the least loaded kind has room."""
        name = self._least.least()
        if not len(self) or name is None or self._kinds[name].full:
            return None
        flight = self._again.popleft() if self._again else Flight(self._units.popleft())
        kind = self._kinds[name]
        builder = kind.builders.least()
        assert builder is not None, "a kind has sites"
        flight.kind, flight.step = name, "preparing"
        flight.builder = kind.loads[builder].site
        kind.loads[builder].units[flight.unit.key] = flight
        self._count(flight, 1)
        return flight

    def ready(self, flight: Flight) -> None:
        """It is compiled."""
        self._count(flight, -1)
        flight.step = "ready"
        self._kinds[flight.kind].ready[flight.unit.key] = flight
        self._count(flight, 1)

    def send(self) -> Flight | None:
        """The next ready unit, with a site that has room: another than lost it, where one has."""
        while self._sendable:
            name = next(iter(self._sendable))
            kind = self._kinds[name]
            if kind.ready and kind.roomy.least() is not None:
                return self._sent(kind)
            del self._sendable[name]
        return None

    def _sent(self, kind: Kind) -> Flight:
        _, flight = kind.ready.popitem(last=False)
        chosen = kind.roomy.least(but=flight.last.id if flight.last is not None else None)
        assert chosen is not None, "somebody has room"
        self._count(flight, -1)
        flight.site, flight.step = kind.loads[chosen].site, "sent"
        kind.loads[chosen].units[flight.unit.key] = flight
        self._count(flight, 1)
        return flight

    def measuring(self, flight: Flight) -> None:
        """It has been fetched: the loss of its builder is no loss any more."""
        flight.step = "measuring"
        if flight.builder is not flight.site:
            self._drop(flight.builder, flight)

    def leave(self, flight: Flight) -> None:
        """It has ended, or its attempt is lost."""
        self._count(flight, -1)
        self._kinds[flight.kind].ready.pop(flight.unit.key, None)
        self._drop(flight.builder, flight)
        self._drop(flight.site, flight)

    def _drop(self, site: Site | None, flight: Flight) -> None:
        if site is not None and site.id in self._loads:
            self._loads[site.id].units.pop(flight.unit.key, None)

    def _count(self, flight: Flight, one: Literal[1, -1]) -> None:
        kind = self._kinds[flight.kind]
        if flight.site is not None:
            kind.sent += one
            load = kind.loads[flight.site.id]
            load.sent += one
            kind.weigh(load)
        else:
            kind.ahead += one
            if flight.step == "preparing" and flight.builder is not None:
                load = kind.loads[flight.builder.id]
                load.building += one
                kind.weigh(load)
        self._weigh(flight.kind, kind)

    def _weigh(self, name: str, kind: Kind) -> None:
        self._least.set(name, kind.load)
        self._sendable[name] = None
