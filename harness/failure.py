"""A failed candidate as a value: where it fell, and one line that says why."""

from __future__ import annotations

from dataclasses import dataclass

from harness.record.result import Stage


@dataclass(frozen=True)
class Failure:
    """Returned, never raised: the campaign records it and goes on."""

    stage: Stage
    reason: str

    def __str__(self) -> str:
        return f"{self.stage}: {self.reason}"
