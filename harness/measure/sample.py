"""Raw samples: what one timed stretch of calls took, and what disturbed it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Timed:
    """`seconds` of one call, the mean over `calls` calls; `flags` are evidence of disturbance."""

    seconds: float
    calls: int
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sample:
    """A `Timed` of one contender, with its place in the report tier's plan."""

    contender: str
    process: int
    block: int  # within the process
    position: int  # of its burst within the block
    seconds: float
    calls: int
    flags: tuple[str, ...] = ()
