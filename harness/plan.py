"""Settings to units of work: merged by problem, equal trials once, checked against memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from compiler.problem.specification import primitive_from
from harness.errors import SettingsError
from harness.estimates import check_memory, estimated_seconds
from harness.options import options_from
from harness.settings import Settings
from harness.settings.model_file import read_model
from harness.settings.values import Method, ProblemChoice
from harness.strategy.known import strategy_named
from harness.strategy.strategy import Sources
from harness.unit import Contender, Problem, Unit, content_id

ScheduleOf = Callable[[str], str]  # CAMPAIGN:TRIAL to the schedule's one-line text


@dataclass(frozen=True)
class Plan:
    """What a campaign will do. `duplicates` counts the trials that were asked for twice."""

    campaign: str
    units: tuple[Unit, ...]
    duplicates: int = 0

    def named(self, campaign: str) -> Plan:
        """The same under another name, where a folder of the first one stood already."""
        if campaign == self.campaign:
            return self
        units = tuple(replace(unit, campaign=campaign) for unit in self.units)
        return replace(self, campaign=campaign, units=units)

    @property
    def trials(self) -> int:
        return sum(len(unit.contenders) for unit in self.units)

    @property
    def seconds(self) -> float:
        """Estimated wall time on one slot."""
        return sum(estimated_seconds(unit) for unit in self.units)


def planned(
    settings: Sequence[Settings], campaign: str, free_bytes: int, schedule_of: ScheduleOf
) -> Plan:
    """The plan of one campaign. Raises SettingsError or CompilerError for what cannot be run.

    `free_bytes` is the measuring node's free memory; `schedule_of` looks up recorded schedules.
    """
    if not any(one.problems for one in settings):
        raise SettingsError(
            "nothing to measure: name a problem (primitive=conv2d) or a list (workload=resnet50)"
        )
    units: dict[str, Unit] = {}
    known: dict[str, Problem] = {}  # by specification
    statements: dict[object, Any] = {}
    contenders: dict[str, tuple[Contender, ...]] = {}
    duplicates = 0
    sources = _Sources(cache(schedule_of), cache(read_model))
    for one in settings:
        strategies = tuple(
            Contender(m.label, "strategy", m.name, _looked_up(m, sources)) for m in one.strategies
        )
        baselines = tuple(Contender(m.label, "baseline", m.name, m.options) for m in one.baselines)
        if not strategies and not baselines:
            raise SettingsError("nothing to measure: no strategy and no baseline is chosen")
        strategies = contenders.setdefault(repr(strategies), strategies)
        baselines = contenders.setdefault(repr(baselines), baselines)
        for choice in one.problems:
            unit = Unit(
                problem=_problem(choice, known, statements),
                strategies=strategies,
                baselines=baselines,
                architecture_name=one.architecture.name,
                threads=one.threads,
                measure=one.measure,
                seed=one.seed,
                campaign=campaign,
                numerics=one.numerics,
            )
            if unit.key in units:
                unit, twice = _united(units[unit.key], unit)
                duplicates += twice
            units[unit.key] = unit
    named = _distinctly_named(list(units.values()))
    for unit in named:
        check_memory(unit, free_bytes)
        _check(unit)
    return Plan(campaign, tuple(named), duplicates)


def _check(unit: Unit) -> None:
    """Refuse what a strategy cannot do with the problem, whose options say so."""
    for contender in unit.strategies:
        strategy = strategy_named(contender.method)
        options = options_from(strategy.options, contender.options, f"strategy.{contender.name}")
        strategy.check(options, unit.problem.primitive)


def _problem(
    choice: ProblemChoice, known: dict[str, Problem], statements: dict[object, Any]
) -> Problem:
    """The problem; one specification is read once, however many combinations share it.

    Statements that are the same in many sizes are held once.
    """
    spec = content_id(choice.spec)
    if spec not in known:
        primitive = primitive_from(choice.spec)
        same = statements.setdefault(primitive.statements, primitive.statements)
        primitive = replace(primitive, statements=same)
        known[spec] = Problem(choice.name, choice.spec, primitive, choice.workload)
    return replace(known[spec], name=choice.name, workload=choice.workload, count=choice.count)


@dataclass(frozen=True)
class _Sources:
    schedule: ScheduleOf
    model: Callable[[Path], Mapping[str, Any]]


def _looked_up(method: Method, sources: Sources) -> Mapping[str, Any]:
    return strategy_named(method.name).look_up(method.options, sources)


def _united(one: Unit, other: Unit) -> tuple[Unit, int]:
    """The unit with the contenders of both, and how many of them were the same."""
    known = {c.name: c for c in one.contenders}
    twice = 0
    added: list[Contender] = []
    for contender in other.contenders:
        same = known.get(contender.name)
        if same is None:
            added.append(contender)
        elif same == contender:
            twice += 1
        else:
            raise SettingsError(
                f"{one.problem.name}: two different contenders are labelled "
                f"'{contender.name}': {_described(same)} and {_described(contender)}; "
                f"give each a label, for instance {contender.kind}.{contender.method}.label=..."
            )
    strategies = one.strategies + tuple(c for c in added if c.kind == "strategy")
    baselines = one.baselines + tuple(c for c in added if c.kind == "baseline")
    return replace(one, strategies=strategies, baselines=baselines), twice


def _described(contender: Contender) -> str:
    options = ", ".join(f"{key}={value}" for key, value in contender.options.items())
    return f"{contender.method}({options})"


def _distinctly_named(units: list[Unit]) -> list[Unit]:
    """Problems of one name but different specifications get the sizes that differ in their name.

    matmul with n=256 and n=512 become matmul_n256 and matmul_n512; what differs in more than
    its sizes is numbered.
    """
    ids = [content_id(unit.problem.spec) for unit in units]
    specs: dict[str, dict[str, Unit]] = {}
    for unit, spec in zip(units, ids, strict=True):
        specs.setdefault(unit.problem.name, {})[spec] = unit
    names: dict[tuple[str, str], str] = {}
    taken = {name for name, several in specs.items() if len(several) == 1}
    for name, several in specs.items():
        sizes = [unit.problem.stated_sizes for unit in several.values()]
        stated = dict.fromkeys(key for one in sizes for key in one)
        varying = [key for key in stated if len({str(one.get(key)) for one in sizes}) > 1]
        for key, one in zip(several, sizes, strict=True):
            parts = [f"_{size}{one[size]}" for size in varying if size in one]
            label = stem = name + "".join(parts) if len(several) > 1 else name
            number = 2
            while len(several) > 1 and label in taken:
                label, number = f"{stem}_{number}", number + 1
            taken.add(label)
            names[name, key] = label
    return [
        replace(unit, problem=replace(unit.problem, name=names[unit.problem.name, spec]))
        for unit, spec in zip(units, ids, strict=True)
    ]
