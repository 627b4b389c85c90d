"""What a strategy compiles: the first choice of a ranking, its best few, a survey, or one schedule.

Nothing is compiled or measured here.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from compiler.pipeline import (
    Ranked,
    parse_schedule,
    ranked_schedules,
    searched,
    trained_tournament,
)
from compiler.problem.architecture import Architecture
from compiler.schedule.schedule import Schedule
from harness.errors import SettingsError
from harness.record.result import NOT_VECTORISED, ONLY_CANDIDATE
from harness.unit import Contender, Unit, content_id

FIRST_CHOICES = ("roofline", "polydl", "polydl_tree", "tournament")  # named like their rankings
SEARCHES = ("top_k", "survey")  # compile several candidates and let measurements decide
STRATEGIES = (*FIRST_CHOICES, *SEARCHES, "fixed")


@dataclass(frozen=True)
class Choice:
    """A schedule to compile; `places` are its places in the rankings of the whole space."""

    schedule: Schedule
    predicted: float | None = None  # seconds
    places: Mapping[str, int] = field(default_factory=dict)
    rank: int | None = None  # its place in the strategy's own ranking


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
    """The rankings of one unit; what two strategies share is done once, paid by both."""

    def __init__(self, unit: Unit, architecture: Architecture) -> None:
        self.unit = unit
        self.architecture = architecture
        self._known: dict[tuple[str, ...], tuple[tuple[Ranked, ...], float]] = {}

    def ranked(
        self, ranking: str, space: str, model: object = None
    ) -> tuple[tuple[Ranked, ...], float]:
        """Schedules of a space, best first, and the seconds that ranking took.

        `model` is a tournament's network as plain data, None for the one that is shipped.
        """
        key = (ranking, space, content_id({"model": model}))
        if key not in self._known:
            start = time.perf_counter()
            unit = self.unit
            found = ranked_schedules(
                unit.problem.primitive,
                self.architecture,
                unit.threads,
                ranking if model is None else trained_tournament(model),
                space=space,
            )
            self._known[key] = (found, time.perf_counter() - start)
        return self._known[key]


def chosen(contender: Contender, rankings: Rankings) -> Chosen:
    """What the strategy wants compiled. Raises CompilerError or SettingsError."""
    options, method = contender.options, contender.method
    space = str(options.get("space", "full"))
    if method == "fixed":
        schedule = parse_schedule(str(options["schedule"]))
        return Chosen((Choice(schedule),), vectorised=schedule.vectorised)
    if method == "survey":
        return _survey(options, space, rankings)
    if method in FIRST_CHOICES:
        ranked, seconds = rankings.ranked(method, space, options.get("model"))
        return _out_of(ranked, ranked[:1], seconds)
    if method == "top_k":
        ranked, seconds = rankings.ranked(str(options.get("ranker", "roofline")), space)
        count = int(str(options.get("k", 8)))
        per_tile = int(str(options.get("per_tile", 0)))
        primitive = rankings.unit.problem.primitive
        best = searched(primitive, ranked, rankings.architecture, count, per_tile)
        return _out_of(ranked, best, seconds)
    known = ", ".join(STRATEGIES)
    raise SettingsError(f"strategy: unknown '{method}'; known: {known}")


def _out_of(space: Sequence[Ranked], best: Sequence[Ranked], seconds: float) -> Chosen:
    choices = tuple(Choice(one.schedule, one.seconds, rank=one.place) for one in best)
    return Chosen(choices, len(space), any(one.schedule.vectorised for one in space), seconds)


def _survey(options: Mapping[str, object], space: str, rankings: Rankings) -> Chosen:
    """The first `best` of every ranking, and others drawn at random until there are k or all.

    The draw depends on the seed and the problem alone, not on the rankings' order.
    """
    named = options.get("rankings", ("roofline",))
    assert isinstance(named, Sequence)
    count, best = int(str(options.get("k", 200))), int(str(options.get("best", 10)))
    found = {str(name): rankings.ranked(str(name), space) for name in named}
    places: dict[Schedule, dict[str, int]] = {}
    predicted: dict[Schedule, float] = {}
    first: dict[Schedule, None] = {}
    for name, (ranked, _) in found.items():
        for one in ranked:
            places.setdefault(one.schedule, {})[name] = one.place
            if one.seconds is not None:
                predicted[one.schedule] = one.seconds
    for rank in range(best):  # in turn, so that a small k takes some of each
        for ranked, _ in found.values():
            first.update((one.schedule, None) for one in ranked[rank : rank + 1])
    unit = rankings.unit
    dice = random.Random(f"{unit.seed} {content_id(unit.problem.spec)}")
    drawn = sorted(places, key=str)
    dice.shuffle(drawn)
    picked = [*first, *(schedule for schedule in drawn if schedule not in first)][:count]
    dice.shuffle(picked)  # a disturbed moment must not hit one ranking's favourites together
    choices = tuple(Choice(s, predicted.get(s), places[s]) for s in picked)
    vectorised = any(schedule.vectorised for schedule in places)
    seconds = sum(seconds for _, seconds in found.values())
    return Chosen(choices, len(places), vectorised, seconds)
