"""A unit on its way through the pool: its step, where it is, and where it was lost before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from harness.cluster.site import THREADS, Site
from harness.unit import Unit


@dataclass(eq=False)
class Flight:
    """`since` is the monotonic time of the step, or of the last sign that the unit only waits."""

    unit: Unit
    step: Literal["waiting", "preparing", "ready", "sent", "measuring"] = "waiting"
    since: float = 0.0
    builder: Site | None = None  # prepares it, and holds what was compiled until it is fetched
    site: Site | None = None  # measures it
    prepared: Any = None  # Ray's reference
    call: Any = None  # Ray's reference of the running step
    kind: str = ""  # fingerprint of the nodes that it is prepared for
    note: str = ""  # what its agent says that it waits for
    last: Site | None = None  # where it was lost
    history: list[str] = field(default_factory=list)

    def moved(self, step: Literal["preparing", "ready", "sent", "measuring"], now: float) -> None:
        self.step, self.since = step, now

    def failed(self, site: Site | None, reason: str) -> None:
        """Back to the start under the next attempt, with a line of history."""
        where = f" on {site.name}" if site is not None else ""
        self.history.append(f"attempt {self.unit.attempt}{where}: {reason}")
        self.unit = replace(self.unit, attempt=self.unit.attempt + 1)
        self.step, self.last = "waiting", site
        self.builder = self.site = self.prepared = self.call = None
        self.note = ""

    def depends_on(self, site: Site) -> bool:
        """Whether the loss of a site is the loss of this attempt."""
        if self.step == "measuring":
            return self.site is site
        return site in (self.builder, self.site)

    def told(self) -> str:
        return f"gave up after {len(self.history)} attempts: {'; '.join(self.history)}"


class Counts:
    """How many flights each site and each kind of node has."""

    def __init__(self, flights: Iterable[Flight]) -> None:
        self.ahead: Counter[str] = Counter()  # by kind: preparing or ready
        self._building: Counter[str] = Counter()  # by site
        self._sent: Counter[str] = Counter()
        for flight in flights:
            self.add(flight)

    def add(self, flight: Flight) -> None:
        if flight.site is not None:
            self._sent[flight.site.id] += 1
        else:
            self.ahead[flight.kind] += 1
            if flight.step == "preparing" and flight.builder is not None:
                self._building[flight.builder.id] += 1

    def send(self, flight: Flight) -> None:
        """A ready flight has got its site."""
        self.ahead[flight.kind] -= 1
        self.add(flight)

    def load(self, kind: str, sites: Sequence[Site]) -> float:
        """Units on their way for each slot of a kind of node."""
        sent = sum(self._sent[site.id] for site in sites)
        return (self.ahead[kind] + sent) / sum(site.node.slots for site in sites)

    def building(self, site: Site) -> float:
        return self._building[site.id] / site.cpus

    def sent(self, site: Site) -> float:
        return self._sent[site.id] / site.node.slots

    def room(self, site: Site) -> bool:
        """A site holds a quarter more than its slots, so that none waits for the driver."""
        slots = site.node.slots
        return self._sent[site.id] < min(THREADS, slots + (slots + 3) // 4)
