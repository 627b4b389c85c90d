"""What every baseline answers: is it here, does it take the problem, and what is to be measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, Literal, Protocol, TypeVar

from compiler.problem.primitive import Primitive
from harness.kernel.toolchain import Toolchain
from harness.record.result import Stage, TuningSeconds

Options = TypeVar("Options")


@dataclass(frozen=True)
class Available:
    """The baseline can be used. `facts` are versions, paths and compilers that records carry."""

    version: str
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Missing:
    """The baseline cannot be used; `command` is exactly what installs or mends it."""

    reason: str
    command: str

    def __str__(self) -> str:
        return f"{self.reason}; mend it with: {self.command}"


@dataclass(frozen=True)
class Tried:
    """One configuration that a tuner measured: `at` seconds after tuning began, in its order."""

    configuration: str  # one line
    at: float
    seconds: float | None  # of one call, as the tuner measured it; None where it failed
    reason: str | None = None


@dataclass(frozen=True)
class Prepared:
    """What the measuring child loads and calls.

    `executable` is JSON-able: kind "adapter", library (a path), configuration (flat JSON for
    `polydl_adapter_create`, see adapter.h), or a kernel of ours. Where its libraries are not on
    the system's paths it adds `environment`. `seconds` is what finding and building it cost, also
    where that was done earlier and kept (`cached`).
    """

    executable: Mapping[str, object]
    seconds: TuningSeconds
    cached: bool = False  # nothing was searched or built: it came from the cache
    facts: Mapping[str, str] = field(default_factory=dict)
    tried: tuple[Tried, ...] = ()  # where it tunes


@dataclass(frozen=True)
class Unprepared:
    """The baseline is here, but did not get ready for the problem.

    `status` is unsupported where only the library itself could tell that it does not take it.
    """

    stage: Stage
    reason: str  # one line
    seconds: TuningSeconds = field(default_factory=TuningSeconds)
    status: Literal["failed", "unsupported"] = "failed"
    tried: tuple[Tried, ...] = ()


class Baseline(Protocol):
    """Somebody else's implementation, measured in the same protocol as ours.

    `available` and `supports` are cheap and never raise. `prepare` may compile, and may run and
    time code only where `tunes` is true: such a baseline is prepared on a measuring slot, with
    `cores` naming it; the others are prepared beside the compile jobs.
    """

    @property
    def name(self) -> str: ...

    @property
    def tunes(self) -> bool: ...

    def available(self) -> Available | Missing: ...

    def supports(self, primitive: Primitive) -> str | None:
        """None, or the reason by name: "unsupported: ..."."""
        ...

    def prepare(
        self, primitive: Primitive, threads: int, cores: tuple[int, ...] = ()
    ) -> Prepared | Unprepared: ...


@dataclass(frozen=True)
class Builder(Generic[Options]):
    """How a baseline is made: `options` is a frozen dataclass (see harness.options).

    The toolchain's cache holds what the baseline builds, its tuning logs and tool environment.
    """

    options: type[Options]
    build: Callable[[Options, Toolchain], Baseline]
