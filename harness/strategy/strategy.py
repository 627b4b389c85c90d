"""What a strategy is: options, and a function from them and a unit's rankings to schedules.

Nothing is compiled or measured here.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from compiler.pipeline import Ranked, ranked_schedules, trained_tournament
from compiler.problem.architecture import Architecture
from compiler.problem.primitive import Primitive
from compiler.schedule.schedule import Schedule
from harness.errors import SettingsError
from harness.options import options_from
from harness.record.result import NOT_VECTORISED, ONLY_CANDIDATE
from harness.strategy.rankings import ranker_named

Options = TypeVar("Options")


@dataclass(frozen=True)
class Choice:
    """A schedule to compile; `places` are its places in the rankings of the whole space."""

    schedule: Schedule
    predicted: float | None = None  # seconds
    places: Mapping[str, int] = field(default_factory=dict)
    rank: int | None = None  # its place in the strategy's own ranking


@dataclass(frozen=True)
class Timed:
    """What a search found of a choice: seconds of one call, None where it has none."""

    places: Mapping[str, int]
    seconds: float | None


@dataclass(frozen=True)
class Chosen:
    """Choices, best first where there is an order, out of a space of `candidates` schedules."""

    choices: tuple[Choice, ...]
    candidates: int | None = None
    vectorised: bool = True  # any of the space, or the one schedule that was given
    seconds: float = 0.0  # spent on analysis

    @property
    def flags(self) -> tuple[str, ...]:
        """What a reader should know of a choice that was none, or of a space without vectors."""
        flags = {NOT_VECTORISED: not self.vectorised, ONLY_CANDIDATE: self.candidates == 1}
        return tuple(flag for flag, holds in flags.items() if holds)


class Rankings:
    """The rankings of one unit; what two strategies share is done once, paid by both.

    `seed` is the text that whatever a strategy draws at random must depend on, and nothing else.
    """

    def __init__(
        self,
        primitive: Primitive,
        architecture: Architecture,
        threads: int,
        seed: str,
        numerics: tuple[str, ...] = (),
    ) -> None:
        self.primitive = primitive
        self.architecture = architecture
        self.threads = threads
        self.seed = seed
        self.numerics = numerics
        self._known: dict[
            tuple[str, str, bool, str, str, bool, bool], tuple[tuple[Ranked, ...], float]
        ] = {}

    def ranked(
        self,
        ranking: str,
        space: str,
        fuse: bool = True,
        model: object = None,
        microkernel: str = "generated",
        attach: bool = True,
        private: bool = True,
    ) -> tuple[tuple[Ranked, ...], float]:
        """Schedules of a space, best first, and the seconds that ranking took.

        With `fuse`, statements are computed on a contraction's register tile, and bands inside
        levels of others, where that pays; without `attach` no band is inside another one's level.
        Without `private` threads share no reduction.
        `microkernel` may be a library's matrix product in place of generated C.
        `model` is a tournament's network as plain data, None for the one that is shipped.
        """
        key = ranking, space, fuse, json.dumps(model, sort_keys=True), microkernel, attach, private
        if key not in self._known:
            start = time.perf_counter()
            found = ranked_schedules(
                self.primitive,
                self.architecture,
                self.threads,
                ranker_named(ranking) if model is None else trained_tournament(model),
                space=space,
                fuse=fuse,
                microkernel=microkernel,
                attach=attach,
                private=private,
                numerics=self.numerics,
            )
            self._known[key] = (found, time.perf_counter() - start)
        return self._known[key]


class Sources(Protocol):
    """What the driver has and a node may not."""

    def schedule(self, source: str) -> str:
        """The one-line text of CAMPAIGN:TRIAL."""
        ...

    def model(self, path: Path) -> Mapping[str, Any]:
        """A tournament's network as plain data."""
        ...


def _as_they_are(options: Mapping[str, Any], sources: Sources) -> Mapping[str, Any]:
    return options


def _always(options: Any, primitive: Primitive) -> None: ...


def _nobody(options: Any, timed: Sequence[Timed]) -> Mapping[int, tuple[str, ...]]:
    return {}


@dataclass(frozen=True)
class Strategy(Generic[Options]):
    """`options` is a frozen dataclass (see harness.options), `choose` is given one of it.

    A strategy that `searches` has all its choices compiled and timed, and the fastest is the
    answer; of the others the first is. `again` names, by their places among those timed, the ones
    that are timed once more in the report tier, each with the roles that it is timed for, the most
    important first. On the driver, before a unit travels, `look_up` replaces
    what options refer to by what it is, and `check` refuses (SettingsError, ScheduleError) what
    cannot hold for a problem.
    """

    options: type[Options]
    choose: Callable[[Options, Rankings], Chosen]
    searches: bool = False
    look_up: Callable[[Mapping[str, Any], Sources], Mapping[str, Any]] = _as_they_are
    check: Callable[[Options, Primitive], None] = _always
    again: Callable[[Options, Sequence[Timed]], Mapping[int, tuple[str, ...]]] = _nobody

    def chosen(self, values: Mapping[str, Any], rankings: Rankings, where: str) -> Chosen:
        """What it wants compiled. Raises CompilerError, SettingsError, or what its code raises."""
        found = self.choose(options_from(self.options, values, where), rankings)
        if not isinstance(found, Chosen) or not all(
            isinstance(one, Choice) and isinstance(one.schedule, Schedule) for one in found.choices
        ):
            raise SettingsError(f"{where}: its function gave something else than a Chosen")
        return found


def out_of(space: Sequence[Ranked], best: Sequence[Ranked], seconds: float) -> Chosen:
    """The best of a ranked space, which took so many seconds to rank."""
    choices = tuple(Choice(one.schedule, one.seconds, rank=one.place) for one in best)
    return Chosen(choices, len(space), any(one.schedule.vectorised for one in space), seconds)
