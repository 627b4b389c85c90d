"""Schedules in the order in which a model expects them to run, without running any."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from compiler.cost.decision_tree import wins
from compiler.cost.features import FeatureRows
from compiler.cost.held_bytes import HeldBytes
from compiler.cost.polyrank import polyrank_cost, polyrank_tie_break
from compiler.cost.roofline import Roofline
from compiler.cost.tournament import SCHEDULES, Tournament
from compiler.cost.tournament_file import shipped_tournament
from compiler.errors import CompilerError
from compiler.lower.lowered import lowered
from compiler.problem.architecture import Architecture
from compiler.problem.primitive import Primitive
from compiler.schedule.schedule import Schedule

Key = TypeVar("Key", float, tuple[float, ...])


@dataclass(frozen=True)
class Ranked:
    """A schedule in a ranking: place 1 is expected to run fastest, equals share a place.

    `seconds` where the ranking predicts time; `parts` are what the ranking was made of, by name.
    """

    schedule: Schedule
    place: int
    parts: Mapping[str, float]
    seconds: float | None = None


Ranker = Callable[[Primitive, Sequence[Schedule], Architecture, int], tuple[Ranked, ...]]


def roofline(
    nest: Primitive, schedules: Sequence[Schedule], machine: Architecture, threads: int
) -> tuple[Ranked, ...]:
    """By predicted seconds."""
    model = Roofline(nest, machine)
    estimates = {schedule: model.estimate(schedule, threads) for schedule in schedules}
    return tuple(
        Ranked(schedule, place, estimates[schedule].parts, estimates[schedule].seconds)
        for place, schedule in places({s: e.seconds for s, e in estimates.items()})
    )


def polydl(
    nest: Primitive, schedules: Sequence[Schedule], machine: Architecture, threads: int
) -> tuple[Ranked, ...]:
    """PolyRank: by the cost of loading what the working sets hold in each level."""
    held = held_bytes(nest, schedules, machine)
    keys = {s: (float(polyrank_cost(h)), polyrank_tie_break(h)) for s, h in held.items()}
    return tuple(
        Ranked(schedule, place, {**held[schedule], "cost": keys[schedule][0]})
        for place, schedule in places(keys)
    )


def polydl_tree(
    nest: Primitive, schedules: Sequence[Schedule], machine: Architecture, threads: int
) -> tuple[Ranked, ...]:
    """By wins in the paper's decision tree, every schedule against every other."""
    held = held_bytes(nest, schedules, machine)
    won = dict(zip(held, wins(list(held.values())), strict=True))
    return tuple(
        Ranked(schedule, place, {**held[schedule], "wins": won[schedule]})
        for place, schedule in places({s: -float(n) for s, n in won.items()})
    )


def by_tournament(
    tournament: Tournament,
    nest: Primitive,
    schedules: Sequence[Schedule],
    machine: Architecture,
    threads: int,
) -> tuple[Ranked, ...]:
    """By wins where a trained network tells who is faster, every schedule against every other."""
    distinct = tuple(dict.fromkeys(schedules))
    rows = FeatureRows(nest, machine, threads).of(distinct, tournament.features)
    won = dict(zip(distinct, tournament.wins(rows), strict=True))
    if tournament.judges == SCHEDULES:
        parts = [{"slowness": float(found)} for found in tournament.slowness(rows)]
    else:
        parts = [dict(zip(tournament.features, row, strict=True)) for row in rows.tolist()]
    told = dict(zip(distinct, parts, strict=True))
    return tuple(
        Ranked(schedule, place, {**told[schedule], "wins": won[schedule]})
        for place, schedule in places({s: -float(n) for s, n in won.items()})
    )


def tournament_of(tournament: Tournament) -> Ranker:
    """The ranking by this one."""
    return partial(by_tournament, tournament)


def shipped(name: str) -> Ranker:
    """The ranking by a tournament that comes with the package; it is read when it first ranks."""

    def rank(
        nest: Primitive, schedules: Sequence[Schedule], machine: Architecture, threads: int
    ) -> tuple[Ranked, ...]:
        return by_tournament(shipped_tournament(name), nest, schedules, machine, threads)

    return rank


def held_bytes(
    nest: Primitive, schedules: Sequence[Schedule], machine: Architecture
) -> dict[Schedule, dict[str, int]]:
    """Bytes of each schedule's working sets by level, as the paper places them."""
    held = HeldBytes(nest, machine)
    return {schedule: held.of(lowered(nest, schedule)) for schedule in schedules}


def places(keys: Mapping[Schedule, Key]) -> list[tuple[int, Schedule]]:
    """(place, schedule), smallest key first; equal keys share a place, in order of their text."""
    ordered = sorted(keys, key=lambda schedule: (keys[schedule], str(schedule)))
    found: list[tuple[int, Schedule]] = []
    for number, schedule in enumerate(ordered, start=1):
        tied = bool(found) and keys[found[-1][1]] == keys[schedule]
        found.append((found[-1][0] if tied else number, schedule))
    return found


def best_varied(ranked: Sequence[Ranked], count: int, per_tile: int) -> tuple[Ranked, ...]:
    """The `count` best, at most `per_tile` of one register tile while there are others.

    A model's error is mostly in the register tile, so schedules that share one are right or wrong
    together: what measures a few should not spend all on neighbours. 0 sets no limit.
    """
    taken: dict[object, int] = {}
    chosen: list[Ranked] = []
    passed: list[Ranked] = []
    for one in ranked:
        tile = tuple((band.scheme, band.vector, band.tile) for band in one.schedule.bands)
        if per_tile and taken.get(tile, 0) >= per_tile:
            passed.append(one)
            continue
        taken[tile] = taken.get(tile, 0) + 1
        chosen.append(one)
        if len(chosen) == count:
            break
    return tuple((chosen + passed)[:count])


RANKERS: dict[str, Ranker] = {
    "roofline": roofline,
    "polydl": polydl,
    "polydl_tree": polydl_tree,
    "polydl_tournament": shipped("polydl_tournament"),
    "tournament": shipped("tournament"),
}


def ranker(name: str) -> Ranker:
    """The ranking function called `name`; an unknown name lists the known ones."""
    if name not in RANKERS:
        raise CompilerError(f"unknown ranking '{name}'; known: {', '.join(sorted(RANKERS))}")
    return RANKERS[name]
