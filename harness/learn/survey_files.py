"""Surveys as files: schedules that were timed once, with the machine they ran on.

`NAME.csv` holds problem, schedule, microseconds, a line each; `NAME.yaml` beside it the machine as
conf/architecture describes one, and the `workloads` in which the problems' sizes are found by name.
Nothing is measured again: any version may learn from them or be held against them, on any host.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from compiler.errors import CompilerError, shown
from compiler.lower.fit import fitted
from compiler.pipeline import loop_nest, parse_schedule
from compiler.problem.architecture import Architecture
from compiler.problem.primitive import Primitive
from compiler.problem.specification import primitive_from
from compiler.schedule.schedule import Schedule
from harness.choices import ArchitectureChoice
from harness.errors import HarnessError, RecordError
from harness.learn.measured import Measured
from harness.outside import path_of, read_text, yaml_of
from harness.record.typed import LEAST, MOST
from harness.settings import load_settings
from harness.settings.recorded import problem_key
from harness.settings.values import ProblemChoice

SUFFIX = ".csv"
COLUMNS = ("problem", "schedule", "microseconds")
OTHER_PASS, ONEDNN = "microseconds_other_pass", "onednn_microseconds"  # where they were measured
DESCRIBED = ("name", "model", "caches", "workloads")


def read_survey(path: Path | str) -> tuple[Measured, ...]:
    """The problems of `NAME.csv`, in its order, on one thread.

    Of several passes over a schedule the fastest counts, as in a campaign's records. Raises
    RecordError or SettingsError, which names the file and what is wrong in it.
    """
    file = path_of(path)
    described = file.with_suffix(".yaml")
    fields = _mapping(described)
    choices = _choices(fields.pop("workloads"), described)
    host, machine = str(fields.pop("model")), _machine(fields, described)
    nests: dict[str, Primitive] = {}
    seconds: dict[str, dict[Schedule, float]] = {}
    onednn: dict[str, float] = {}
    for where, row in _rows(file):
        problem = row["problem"]
        if problem not in choices:
            raise RecordError(
                f"{where}: problem '{shown(problem)}' is in no workload of {described}"
            )
        try:
            if problem not in nests:
                nests[problem] = loop_nest(primitive_from(choices[problem].spec)).nest
            schedule = parse_schedule(row["schedule"])
            fitted(nests[problem], schedule)
        except CompilerError as fault:
            raise RecordError(f"{where}: {fault}") from fault
        taken = [_seconds(row["microseconds"], where)]
        if other := row.get(OTHER_PASS):
            taken.append(_seconds(other, where))
        seconds.setdefault(problem, {})[schedule] = min(taken)
        if beside := row.get(ONEDNN):
            onednn[problem] = _seconds(beside, where)
    return tuple(
        Measured(
            problem,
            str(choices[problem].workload),
            problem_key({"primitive": nest.name, "sizes": dict(nest.sizes)}),
            host,
            nest,
            machine,
            1,
            seconds[problem],
            onednn.get(problem),
        )
        for problem, nest in nests.items()
    )


def _rows(file: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """(where, row) of each line below the heading."""
    reader = csv.DictReader(io.StringIO(read_text(file)), restval="")
    for column in COLUMNS:
        if column not in (reader.fieldnames or ()):
            raise RecordError(f"{shown(file, 120)}: column '{column}' is missing")
    for row in reader:
        yield f"{shown(file, 120)} line {reader.line_num}", row


def _mapping(file: Path) -> dict[str, Any]:
    try:
        held = yaml_of(read_text(file))
    except ValueError as error:
        raise RecordError(f"{shown(file, 120)}: {shown(error, 160)}") from error
    if not isinstance(held, dict):
        raise RecordError(f"{shown(file, 120)}: must hold a mapping, got {shown(held)}")
    if missing := [key for key in DESCRIBED if key not in held]:
        raise RecordError(f"{shown(file, 120)}: '{missing[0]}' is missing")
    return held


def _machine(fields: dict[str, Any], file: Path) -> Architecture:
    try:
        caches = {str(level): dict(held) for level, held in fields.pop("caches").items()}
        return ArchitectureChoice(str(fields.pop("name")), None, fields, caches).described()
    except (AttributeError, TypeError, ValueError, CompilerError, HarnessError) as fault:
        reason = shown(fault, 160)
        raise RecordError(f"{shown(file, 120)}: describes no machine: {reason}") from fault


def _choices(workloads: object, file: Path) -> dict[str, ProblemChoice]:
    """Problems by name; one of several workloads counts as the first one's."""
    if not isinstance(workloads, list) or not all(isinstance(name, str) for name in workloads):
        raise RecordError(f"{shown(file, 120)}: workloads must be names, got {shown(workloads)}")
    found: dict[str, ProblemChoice] = {}
    for name in workloads:
        for settings in load_settings([f"workload={name}"]):
            found = {choice.name: choice for choice in settings.problems} | found
    return found


def _seconds(text: str, where: str) -> float:
    try:
        seconds = float(text) * 1e-6
    except ValueError:
        seconds = -1.0
    if not LEAST <= seconds <= MOST:
        raise RecordError(f"{where}: microseconds must be a number > 0, got {shown(text, 40)}")
    return seconds
