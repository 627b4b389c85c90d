"""What the roofline's constants are worth: the regret when each is halved or doubled, replayed.

    python experiments/rank_quality/sensitivity.py [SURVEY...]

For each survey in surveys/ (all, unless some are named): the share of the best measured schedule
that the first choice and the best of eight reach, with the model as it is, then with each constant
changed, as differences. Nothing is measured.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from compiler.cost import roofline, traffic, work
from compiler.microkernel import register_tile
from compiler.problem.architecture import Architecture
from harness.analysis.rank_quality import geometric_figure
from harness.learn.replay import CLOSE, Measured, Replay, machine_of, replayed, survey

SURVEYS = Path(__file__).parent / "surveys"
WORKLOADS = ("resnet50", "quickstart")
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


def _changes(
    problems: tuple[Measured, ...], machine: Architecture
) -> Iterator[tuple[str, list[tuple[float, float]]]]:
    """Name of what is changed, and the shares with half and twice of it."""
    for module, name in CONSTANTS:
        found = []
        for factor in (0.5, 2.0):
            with _set(module, name, getattr(module, name) * factor):
                found.append(_shares(replayed(problems, machine)))
        yield name, found
    for name in MEASURED:
        value = getattr(machine, name)
        other = [replace(machine, **{name: value * factor}) for factor in (0.5, 2.0)]
        yield f"machine: {name}", [_shares(replayed(problems, changed)) for changed in other]


def main(names: list[str]) -> None:
    for name in names or sorted(file.stem for file in SURVEYS.glob("*.yaml")):
        problems, machine = survey(SURVEYS, name, WORKLOADS), machine_of(SURVEYS, name)
        now = replayed(problems, machine)
        first, few = _shares(now)
        chance = geometric_figure([r.random.first.value for r in now]).value
        close = sum(abs((r.ratio or 0.0) - 1) <= CLOSE for r in now)
        print(f"{name} (replayed): first choice {first:.3f}, best of eight {few:.3f}, random pick")
        print(f"{chance:.3f}; predictions within 15 %: {close} of {len(now)}\n")
        print("| constant | first choice, halved | doubled | best of eight, halved | doubled |")
        print("|---|---|---|---|---|")
        for what, (half, double) in _changes(problems, machine):
            cells = (half[0] - first, double[0] - first, half[1] - few, double[1] - few)
            print(f"| {what} | " + " | ".join(f"{cell:+.3f}" for cell in cells) + " |")
        print()


if __name__ == "__main__":
    main(sys.argv[1:])
