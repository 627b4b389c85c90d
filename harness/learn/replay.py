"""Surveys kept as files: how well a ranking orders what was measured once, here or elsewhere.

A survey is `NAME.csv` (problem, schedule, microseconds) beside `NAME.yaml`, the
machine as conf/architecture describes it. Nothing is measured: the result says how this version
would have chosen there.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import yaml

from compiler.cost.ranking import RANKERS, Ranker
from compiler.model.loop_nest import loop_nest
from compiler.pipeline import parse_schedule
from compiler.problem.architecture import Architecture
from compiler.problem.primitive import Primitive
from compiler.problem.specification import primitive_from
from compiler.schedule.schedule import Schedule
from harness.analysis.rank_quality import RankQuality, chances, quality
from harness.choices import ArchitectureChoice
from harness.settings import load_settings

CLOSE = 0.15  # of the measured seconds: a prediction that is right


@dataclass(frozen=True)
class Measured:
    """One problem's schedules with the seconds that each took; `onednn` seconds beside them."""

    name: str
    nest: Primitive
    seconds: Mapping[Schedule, float]
    onednn: float | None

    @property
    def kind(self) -> str:
        """The class of problems it belongs to: product, 1x1, 1x1/2, 3x3, ..."""
        sizes = dict(self.nest.sizes)
        if "kh" not in sizes:
            return "product"
        stride = f"/{sizes['stride']}" if sizes["stride"] > 1 else ""
        return f"{sizes['kh']}x{sizes['kw']}{stride}"


@dataclass(frozen=True)
class Replay:
    """What a ranking makes of one problem: its quality, a random pick's, and its first choice."""

    measured: Measured
    quality: RankQuality
    random: RankQuality
    choice: Schedule
    predicted: float | None

    @cached_property
    def ratio(self) -> float | None:
        """predicted / measured seconds of the first choice."""
        return None if self.predicted is None else self.predicted / self.took

    @property
    def took(self) -> float:
        return self.measured.seconds[self.choice]


def survey(folder: Path, name: str, workloads: tuple[str, ...]) -> tuple[Measured, ...]:
    """The survey's problems, in its order; their sizes are looked up in `workloads` by name.

    Of several passes over a schedule the fastest counts, as in a campaign's records.
    """
    specs = {
        choice.name: choice.spec
        for workload in workloads
        for settings in load_settings([f"workload={workload}"])
        for choice in settings.problems
    }
    seconds: dict[str, dict[Schedule, float]] = {}
    onednn: dict[str, float] = {}
    with (folder / f"{name}.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            passes = [row["microseconds"], row.get("microseconds_other_pass")]
            least = min(float(text) for text in passes if text) * 1e-6
            seconds.setdefault(row["problem"], {})[parse_schedule(row["schedule"])] = least
            if row.get("onednn_microseconds"):
                onednn[row["problem"]] = float(row["onednn_microseconds"]) * 1e-6
    return tuple(
        Measured(problem, loop_nest(primitive_from(specs[problem])).nest, held, onednn.get(problem))
        for problem, held in seconds.items()
    )


def machine_of(folder: Path, name: str) -> Architecture:
    """The machine that a survey was measured on."""
    described = yaml.safe_load((folder / f"{name}.yaml").read_text(encoding="utf-8"))
    caches, model = described.pop("caches"), described.pop("model")
    return ArchitectureChoice(described.pop("name"), model, described, caches).described()


def replayed(
    problems: tuple[Measured, ...], machine: Architecture, ranking: str | Ranker = "roofline"
) -> tuple[Replay, ...]:
    """The ranking's order of each problem's measured schedules against what they took."""
    rank = RANKERS[ranking] if isinstance(ranking, str) else ranking
    found = []
    for problem in problems:
        ranked = rank(problem.nest, tuple(problem.seconds), machine, 1)
        taken = np.array([problem.seconds[one.schedule] for one in ranked])
        places = np.array([float(one.place) for one in ranked])
        label = ranking if isinstance(ranking, str) else "ranking"
        found.append(
            Replay(
                problem,
                quality(problem.name, label, places, taken),
                chances(problem.name, taken)[0],
                ranked[0].schedule,
                ranked[0].seconds,
            )
        )
    return tuple(found)
