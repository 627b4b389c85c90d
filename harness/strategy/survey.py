"""Many candidates measured, to judge rankings by: the first of each, the rest drawn at random.

An offline experiment; the fastest measured one is the answer. What rankings are judged by is timed
a second time, in pairs: the fastest, each ranking's first choice, the best of its first five and
of its first 5 %, and five that are drawn at random.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from compiler.schedule.schedule import Schedule
from harness.bounds import one_of, within
from harness.errors import SettingsError
from harness.record.result import (
    BEST_OF_FEW,
    BEST_OF_TOP,
    DRAWN,
    FASTEST,
    FEW_AGAIN,
    FIRST_CHOICE,
    TOP_SHARE,
)
from harness.strategy.rankings import known_microkernels, known_rankings, known_spaces
from harness.strategy.strategy import Choice, Chosen, Rankings, Strategy, Timed
from harness.strategy.top_k import MOST


@dataclass(frozen=True)
class SurveyOptions:
    k: int = within(200, 1, MOST)  # candidates measured, or all there are
    best: int = within(10, 0, MOST)  # of each ranking
    rankings: tuple[str, ...] = one_of(("roofline", "polydl", "polydl_tree"), known_rankings)
    space: str = one_of("full", known_spaces)
    fuse: bool = True
    microkernel: str = one_of("generated", known_microkernels)
    # The fastest, timed again in the report tier with what rankings choose; 0: nothing is.
    again: int = within(10, 0, 1000)

    def __post_init__(self) -> None:
        if not self.rankings or len(set(self.rankings)) < len(self.rankings):
            raise SettingsError(
                f"rankings must name one or more, none twice, got {list(self.rankings)}"
            )


def _choose(options: SurveyOptions, rankings: Rankings) -> Chosen:
    """The draw depends on the seed and the problem alone, not on the rankings' order."""
    found = {
        name: rankings.ranked(name, options.space, options.fuse, microkernel=options.microkernel)
        for name in options.rankings
    }
    places: dict[Schedule, dict[str, int]] = {}
    predicted: dict[Schedule, float] = {}
    first: dict[Schedule, None] = {}
    for name, (ranked, _) in found.items():
        for one in ranked:
            places.setdefault(one.schedule, {})[name] = one.place
            if one.seconds is not None:
                predicted[one.schedule] = one.seconds
    for rank in range(options.best):  # in turn, so that a small k takes some of each
        for ranked, _ in found.values():
            first.update((one.schedule, None) for one in ranked[rank : rank + 1])
    dice = random.Random(rankings.seed)
    drawn = sorted(places, key=str)
    dice.shuffle(drawn)
    for place, schedule in enumerate(drawn, 1):
        places[schedule][DRAWN] = place
    picked = [*first, *(schedule for schedule in drawn if schedule not in first)][: options.k]
    dice.shuffle(picked)  # a disturbed moment must not hit one ranking's favourites together
    choices = tuple(Choice(s, predicted.get(s), places[s]) for s in picked)
    vectorised = any(schedule.vectorised for schedule in places)
    return Chosen(choices, len(places), vectorised, sum(taken for _, taken in found.values()))


def _again(options: SurveyOptions, timed: Sequence[Timed]) -> dict[int, tuple[str, ...]]:
    """Of choices that share a place the slowest comes first, as everywhere."""
    known = {at: one.seconds for at, one in enumerate(timed) if one.seconds is not None}
    if not options.again or not known:
        return {}
    roles: dict[int, tuple[str, ...]] = {}

    def named(at: int, role: str) -> None:
        roles[at] = (*roles.get(at, ()), role)

    fastest = sorted(known, key=lambda at: known[at])
    named(fastest[0], FASTEST)
    for ranking in options.rankings:
        order = sorted(known, key=lambda at: (timed[at].places[ranking], -known[at]))
        top = ceil(TOP_SHARE * len(order))
        named(order[0], f"{FIRST_CHOICE} {ranking}")
        named(min(order[:FEW_AGAIN], key=lambda at: known[at]), f"{BEST_OF_FEW} {ranking}")
        named(min(order[:top], key=lambda at: known[at]), f"{BEST_OF_TOP} {ranking}")
    for at in sorted(known):
        if timed[at].places[DRAWN] <= FEW_AGAIN:
            named(at, DRAWN)
    for at in fastest[1 : options.again]:
        named(at, FASTEST)
    return roles


SURVEY = Strategy(SurveyOptions, _choose, searches=True, again=_again)
