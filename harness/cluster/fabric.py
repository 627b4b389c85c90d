"""What carries orders to nodes and answers back: Ray, or a simulation of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from harness.cluster.answers import Answer
from harness.cluster.members import Member
from harness.cluster.pool import Node
from harness.unit import Contender, Unit


class Fabric(Protocol):
    """Nothing here waits but `answers`, `installed` and `check`; a site is named by its id."""

    def now(self) -> float:
        """Seconds of a clock that only goes forward."""
        ...

    def members(self) -> tuple[Member, ...]:
        """The nodes there are. Raises SettingsError for a label that cannot be read."""
        ...

    def check(self) -> None:
        """Raises EnvironmentProblem with what nodes lack."""
        ...

    def start(self, member: Member, agent: int) -> None:
        """A new agent of this number; Described follows."""
        ...

    def end(self, site: str) -> None:
        """The agent and its children."""
        ...

    def ask(self, site: str, agent: int) -> None:
        """Heard follows, where it lives."""
        ...

    def prepare(
        self, unit: Unit, node: Node, builder: Member, housekeeping: tuple[int, ...]
    ) -> Any:
        """Prepared follows; gives a handle of what is compiled, which is kept with it."""
        ...

    def cancel(self, handle: Any) -> None:
        """End what prepares."""
        ...

    def measure(self, unit: Unit, handle: Any, site: str) -> None:
        """Measured follows."""
        ...

    def answers(self, seconds: float) -> Sequence[Answer]:
        """All that have come, after waiting so long for the first."""
        ...

    def installed(
        self, sites: Sequence[str], baselines: Sequence[Contender], seconds: float
    ) -> list[tuple[Contender, ...]]:
        """Those that each of the sites has; of the sites that answer in time."""
        ...

    def close(self) -> None:
        """End all that was started; safe to call twice."""
        ...
