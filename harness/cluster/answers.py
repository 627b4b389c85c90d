"""What comes back from the nodes, as values: whoever carries it, and whether it is simulated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from harness.cluster.pool import Node
from harness.errors import HarnessError
from harness.trial import UnitOutcome

Attempt = tuple[str, int]  # a unit's key and its attempt


@dataclass(frozen=True)
class Beat:
    """An agent's sign of life: what each of its units waits for ("" while it is measured)."""

    doing: Mapping[Attempt, str]
    slots: int


@dataclass(frozen=True)
class Fault:
    """Why there is no answer: the unit raised it, its agent died, or it was lost on the way.

    `trace` is for the log.
    """

    of: Literal["unit", "agent", "way"]
    reason: str
    trace: str = ""


@dataclass(frozen=True)
class Described:
    """The node of a site, by the number of the agent that was asked; or what it refuses."""

    site: str
    agent: int
    result: Node | HarnessError | Fault


@dataclass(frozen=True)
class Heard:
    """A site's answer to a heartbeat's question."""

    site: str
    agent: int
    result: Beat | Fault


@dataclass(frozen=True)
class Prepared:
    """A unit's attempt is compiled and lies on its builder."""

    attempt: Attempt
    result: Fault | None


@dataclass(frozen=True)
class Measured:
    """What came of a unit's attempt."""

    attempt: Attempt
    result: UnitOutcome | Fault


Answer = Described | Heard | Prepared | Measured
