"""Rankings held against schedules that were measured once, here or elsewhere.

Nothing is measured: the result says how this version would have chosen there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from compiler.cost.ranking import RANKERS, Ranker
from compiler.schedule.schedule import Schedule
from harness.analysis.rank_quality import RankQuality, chances, quality
from harness.learn.measured import Measured

CLOSE = 0.15  # of the measured seconds: a prediction that is right


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


def replayed(
    problems: Sequence[Measured], ranking: str | Ranker = "roofline"
) -> tuple[Replay, ...]:
    """The ranking's order of each problem's measured schedules against what they took."""
    rank = RANKERS[ranking] if isinstance(ranking, str) else ranking
    label = ranking if isinstance(ranking, str) else "ranking"
    found = []
    for problem in problems:
        ranked = rank(problem.nest, tuple(problem.seconds), problem.machine, problem.threads)
        taken = np.array([problem.seconds[one.schedule] for one in ranked])
        places = np.array([float(one.place) for one in ranked])
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
