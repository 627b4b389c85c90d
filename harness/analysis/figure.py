"""A number as tables and pages show it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """A value and its 95 % interval, where there is one."""

    value: float
    ci95: tuple[float, float] | None = None

    def __str__(self) -> str:
        ends = f" [{self.ci95[0]:.2f} {self.ci95[1]:.2f}]" if self.ci95 is not None else ""
        return f"{self.value:.2f}{ends}"
