"""A unit on its way through the pool: its step, where it is, and where it was lost before."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from harness.cluster.site import Site
from harness.unit import Unit


@dataclass(eq=False, slots=True)
class Flight:
    """`handle` is what the fabric gave for what is compiled, or has been."""

    unit: Unit
    step: Literal["waiting", "preparing", "ready", "sent", "measuring"] = "waiting"
    builder: Site | None = None  # prepares it, and holds what was compiled until it is fetched
    site: Site | None = None  # measures it
    handle: Any = None
    kind: str = ""  # fingerprint of the nodes that it is prepared for
    note: str = ""  # what its agent says that it waits for
    last: Site | None = None  # where it was lost
    history: list[str] = field(default_factory=list)

    def failed(self, site: Site | None, reason: str) -> None:
        """Back to the start under the next attempt, with a line of history."""
        where = f" on {site.name}" if site is not None else ""
        self.history.append(f"attempt {self.unit.attempt}{where}: {reason}")
        self.unit = replace(self.unit, attempt=self.unit.attempt + 1)
        self.step, self.last = "waiting", site
        self.builder = self.site = self.handle = None
        self.note = ""

    def told(self) -> str:
        return f"gave up after {len(self.history)} attempts: {'; '.join(self.history)}"
