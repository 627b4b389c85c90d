"""A unit on its way from the compile queue to the measure queue; plain data that can be sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from compiler.problem.architecture import Architecture
from harness.baseline.baseline import Tried
from harness.failure import Failure
from harness.kernel.c_compiler import CCompiler
from harness.record.result import Status, TrialResult, TuningSeconds
from harness.unit import Contender, Unit


@dataclass(frozen=True)
class Candidate:
    """One schedule of a strategy: its kernel built, or where it fell."""

    schedule: str
    predicted: float | None = None  # seconds
    places: Mapping[str, int] = field(default_factory=dict)  # in rankings of the whole space
    rank: int | None = None  # in the strategy's own ranking
    kernel: str | None = None  # hash of the C text
    openmp: bool = False
    libraries: tuple[str, ...] = ()  # that the kernel calls
    layouts: Mapping[str, str] = field(default_factory=dict)
    executable: Mapping[str, object] | None = None
    failure: Failure | None = None


@dataclass(frozen=True)
class PreparedContender:
    """What is to be measured of one contender, or why there is nothing.

    A strategy has candidates, best first, out of `space` many; a baseline has an executable.
    `deferred` marks a baseline that tunes: it gets ready on the measuring slot.
    """

    contender: Contender
    candidates: tuple[Candidate, ...] = ()
    space: int | None = None
    executable: Mapping[str, object] | None = None
    deferred: bool = False
    tuning: TuningSeconds = field(default_factory=TuningSeconds)
    status: Status = "ok"
    failure: Failure | None = None  # stage is not used for skipped and unsupported
    facts: Mapping[str, str] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    tried: tuple[Tried, ...] = ()  # by a baseline's tuner

    @property
    def settled(self) -> PreparedContender:
        """Failed as soon as none of its candidates can be run."""
        if any(candidate.executable is not None for candidate in self.candidates):
            return self
        failures = [c.failure for c in self.candidates if c.failure is not None]
        failure = failures[0] if failures else Failure("plan", "no schedule was found")
        return replace(self, status="failed", failure=failure)


@dataclass(frozen=True)
class Library:
    """A compiled kernel as bytes; `name` is its file's in a build cache."""

    name: str
    data: bytes


@dataclass(frozen=True)
class PreparedUnit:
    """Everything compiled; `kernels` are C texts by hash.

    On its way to another node `libraries` holds what they were compiled to, and `compiler` by whom.
    """

    unit: Unit
    architecture: Architecture
    contenders: tuple[PreparedContender, ...]
    kernels: Mapping[str, str] = field(default_factory=dict)
    libraries: Mapping[str, Library] = field(default_factory=dict)
    compiler: CCompiler | None = None


@dataclass(frozen=True)
class UnitOutcome:
    """What a unit leaves in the records: C texts by hash, all else by trial id."""

    results: tuple[TrialResult, ...]
    samples: Mapping[str, tuple[Mapping[str, object], ...]] = field(default_factory=dict)
    candidates: Mapping[str, tuple[Mapping[str, object], ...]] = field(default_factory=dict)
    kernels: Mapping[str, str] = field(default_factory=dict)
    again: Mapping[str, tuple[Mapping[str, object], ...]] = field(default_factory=dict)

    def on(self, node: str) -> UnitOutcome:
        """The same, measured on the node that a cluster calls so."""
        return replace(self, results=tuple(replace(one, node=node) for one in self.results))
