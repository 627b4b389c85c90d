"""Exactly one schedule: `from` names a recorded trial (CAMPAIGN:TRIAL), or `schedule` spells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from compiler.errors import ScheduleError
from compiler.pipeline import compile_schedule, parse_schedule
from compiler.problem.primitive import Primitive
from harness.errors import SettingsError
from harness.options import keyed
from harness.strategy.strategy import Choice, Chosen, Rankings, Sources, Strategy


@dataclass(frozen=True)
class FixedOptions:
    source: str | None = keyed("from", None)
    schedule: str | None = None

    def __post_init__(self) -> None:
        if (self.source is None) == (self.schedule is None):
            raise SettingsError("set exactly one of from=CAMPAIGN:TRIAL and schedule=TEXT")


def _choose(options: FixedOptions, rankings: Rankings) -> Chosen:
    schedule = parse_schedule(str(options.schedule))
    return Chosen((Choice(schedule),), vectorised=schedule.vectorised)


def _look_up(options: Mapping[str, Any], sources: Sources) -> Mapping[str, Any]:
    source = options["from"]
    return {"schedule": options["schedule"] if source is None else sources.schedule(source)}


def _check(options: FixedOptions, primitive: Primitive) -> None:
    """Refuse a schedule that does not parse, fit, or keep the dependences."""
    try:
        schedule = parse_schedule(str(options.schedule))
        compile_schedule(primitive, schedule, schedule.numerics)
    except ScheduleError as error:
        raise SettingsError(f"strategy.fixed.schedule: {error}") from error


FIXED = Strategy(FixedOptions, _choose, look_up=_look_up, check=_check)
