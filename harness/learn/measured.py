"""Schedules of one problem that were timed on one host: what rankings learn from, and meet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from compiler.problem.architecture import Architecture
from compiler.problem.primitive import Primitive
from compiler.schedule.schedule import Schedule


@dataclass(frozen=True)
class Measured:
    """`identity` is equal for equal layers, whatever network they are in; `nest` is normalised.

    `described` says whether all of the machine is known, or its caches alone.
    """

    name: str
    network: str
    identity: str
    host: str  # its processor
    nest: Primitive
    machine: Architecture
    threads: int
    seconds: Mapping[Schedule, float]
    onednn: float | None = None
    described: bool = True

    @property
    def kind(self) -> str:
        """The class of problems it belongs to: product, 1x1, 1x1/2, 3x3, ..."""
        sizes = dict(self.nest.sizes)
        if "kh" not in sizes:
            return "product"
        stride = f"/{sizes['stride']}" if sizes["stride"] > 1 else ""
        return f"{sizes['kh']}x{sizes['kw']}{stride}"
