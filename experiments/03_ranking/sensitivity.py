"""What the roofline's constants are worth: the regret when each is halved or doubled, replayed.

    python experiments/03_ranking/sensitivity.py

For each survey in surveys/: the share of the best measured schedule that the first choice and the
best of eight reach, with the model as it is, then with each constant changed, as differences. They
go to replayed.json, of which the tables in docs/concepts/ranking.md are made. Nothing is measured.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from compiler.cost import roofline, traffic, work
from compiler.microkernel import register_tile
from harness.analysis.rank_quality import geometric_figure
from harness.learn.measured import Measured
from harness.learn.replay import CLOSE, Replay, replayed
from harness.learn.survey_files import read_survey

SURVEYS = Path(__file__).parent / "surveys"
OUT = Path(__file__).parent / "replayed.json"
CONSTANTS: tuple[tuple[ModuleType, str], ...] = (
    (register_tile, "CROSSING"),
    (work, "CALL_CYCLES"),
    (work, "MOVE_CYCLES"),
    (work, "ENTRY_CYCLES"),
    (traffic, "KEPT"),
    (traffic, "GONE"),
    (roofline, "OVERLAP"),
    (roofline, "SCATTERED"),
)
MEASURED = ("loads_per_cycle", "drain_cycles", "peak", "memory_bandwidth")  # of the machine


@contextmanager
def _set(module: ModuleType, name: str, value: float) -> Iterator[None]:
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)


def _shares(replays: tuple[Replay, ...]) -> tuple[float, float]:
    few = [r.quality.best_of_few.value for r in replays if r.quality.best_of_few is not None]
    first = geometric_figure([r.quality.first.value for r in replays]).value
    return first, geometric_figure(few).value


def _changes(problems: tuple[Measured, ...]) -> Iterator[tuple[str, list[tuple[float, float]]]]:
    """Name of what is changed, and the shares with half and twice of it."""
    for module, name in CONSTANTS:
        found = []
        for factor in (0.5, 2.0):
            with _set(module, name, getattr(module, name) * factor):
                found.append(_shares(replayed(problems)))
        yield name, found
    for name in MEASURED:
        value = getattr(problems[0].machine, name)
        other = [_on(problems, name, value * factor) for factor in (0.5, 2.0)]
        yield f"measured: {name}", [_shares(replayed(changed)) for changed in other]


def _on(problems: tuple[Measured, ...], name: str, value: float) -> tuple[Measured, ...]:
    """The same on a machine of which one figure is another."""
    changed: dict[str, Any] = {name: value}
    machine = replace(problems[0].machine, **changed)
    return tuple(replace(problem, machine=machine) for problem in problems)


def _row(name: str) -> tuple[dict[str, object], list[object], dict[str, list[float]]]:
    """Figures by name, the cells of the survey's row, and by constant the changes of its shares."""
    problems = read_survey(SURVEYS / f"{name}.csv")
    now = replayed(problems)
    first, few = _shares(now)
    chance = geometric_figure([r.random.first.value for r in now]).value
    close = sum(abs((r.ratio or 0.0) - 1) <= CLOSE for r in now)
    schedules = sum(len(problem.seconds) for problem in problems)
    figures: dict[str, object] = {"first": first, "few": few, "random": chance, "close": close}
    cells = [len(now), schedules, first, few, chance, f"{close} of {len(now)}"]
    changes = {
        what: [half[0] - first, double[0] - first, half[1] - few, double[1] - few]
        for what, (half, double) in _changes(problems)
    }
    return figures, cells, changes


def main() -> None:
    found = {file.stem: _row(file.stem) for file in sorted(SURVEYS.glob("*.yaml"))}
    constants: dict[str, list[float]] = {}
    for _, _, changes in found.values():
        for what, cells in changes.items():
            constants.setdefault(what, []).extend(cells)
    held = {
        "surveys": {name: figures for name, (figures, _, _) in found.items()},
        "table": {name: cells for name, (_, cells, _) in found.items()},
        "constants": constants,
    }
    OUT.write_text(json.dumps(held, indent=1) + "\n")
    print(f"written: {OUT}; then: polydl claims tables=true")


if __name__ == "__main__":
    main()
