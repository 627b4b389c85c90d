"""What the scheduler wants done, as values: for Ray, or for a simulation."""

from __future__ import annotations

from dataclasses import dataclass

from harness.cluster.flight import Flight
from harness.cluster.pool import Event, Node
from harness.cluster.site import Site
from harness.trial import UnitOutcome
from harness.unit import Unit


@dataclass(frozen=True)
class Start:
    """A new agent at a site, which is asked to describe its node."""

    site: Site


@dataclass(frozen=True)
class Ask:
    """For a sign of life."""

    site: Site


@dataclass(frozen=True)
class End:
    """The agent at a site, its children with it."""

    site: Site


@dataclass(frozen=True)
class Prepare:
    """A unit, on its builder, for nodes like this one."""

    flight: Flight
    node: Node


@dataclass(frozen=True)
class Measure:
    """A prepared unit, at its site."""

    flight: Flight


@dataclass(frozen=True)
class Cancel:
    """What prepares a unit: it takes too long."""

    handle: object


@dataclass(frozen=True)
class Tell:
    """Whoever looks on."""

    event: Event


@dataclass(frozen=True)
class Finish:
    """A unit has its outcome."""

    unit: Unit
    outcome: UnitOutcome


Order = Start | Ask | End | Prepare | Measure | Cancel | Tell | Finish
