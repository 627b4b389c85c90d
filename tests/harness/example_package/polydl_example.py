"""A package that adds a strategy, a ranking and a baseline (see docs/how-to/extending.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from compiler.cost.ranking import Ranked
from compiler.problem.architecture import Architecture
from compiler.problem.primitive import Primitive
from compiler.schedule.schedule import Schedule
from harness.baseline.baseline import Available, Builder, Missing, Prepared, Unprepared
from harness.baseline.naive import Naive
from harness.bounds import one_of, within
from harness.kernel.toolchain import Toolchain
from harness.strategy.rankings import known_rankings
from harness.strategy.strategy import Chosen, Rankings, Strategy, out_of


@dataclass(frozen=True)
class SkippingOptions:
    ranking: str = one_of("roofline", known_rankings)
    skip: int = within(1, 0, 1000)  # schedules at the front of the ranking


def skipping(options: SkippingOptions, rankings: Rankings) -> Chosen:
    """The first choice after some that are skipped: how much do places matter?"""
    ranked, seconds = rankings.ranked(options.ranking, "full")
    return out_of(ranked, ranked[options.skip :][:1] or ranked[-1:], seconds)


SKIPPING = Strategy(SkippingOptions, skipping)


def shortest(
    nest: Primitive, schedules: Sequence[Schedule], machine: Architecture, threads: int
) -> tuple[Ranked, ...]:
    """The schedule that is told in fewest letters first."""
    ordered = sorted(schedules, key=lambda schedule: (len(str(schedule)), str(schedule)))
    return tuple(
        Ranked(schedule, place, {"letters": len(str(schedule))})
        for place, schedule in enumerate(ordered, start=1)
    )


@dataclass(frozen=True)
class SmallOnlyOptions:
    most_flops: int = within(10**6, 1, 10**12)


@dataclass(frozen=True)
class SmallOnly:
    """The loops as they are written, for problems that are small enough."""

    toolchain: Toolchain
    most_flops: int
    name: str = "small_only"
    tunes: bool = False

    def available(self) -> Available | Missing:
        return Naive(self.toolchain).available()

    def supports(self, primitive: Primitive) -> str | None:
        if primitive.flops > self.most_flops:
            return f"unsupported: {primitive.flops} flops, {self.most_flops} are allowed"
        return None

    def prepare(
        self, primitive: Primitive, threads: int, cores: tuple[int, ...] = ()
    ) -> Prepared | Unprepared:
        return Naive(self.toolchain).prepare(primitive, threads, cores)


def small_only(options: SmallOnlyOptions, toolchain: Toolchain) -> SmallOnly:
    return SmallOnly(toolchain, options.most_flops)


SMALL_ONLY = Builder(SmallOnlyOptions, small_only)
