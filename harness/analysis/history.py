"""Campaigns of one configuration over time: each contender's speed, and where it stepped.

A point is a campaign's speed relative to a baseline that is the same thing in all campaigns (see
comparison), or else its own, of processes: a step in a baseline's may be the machine's. It is a
figure with an interval.

A *step* is where a level ends and another begins. The level is the geometric mean of its points. A
point leaves it when their intervals have nothing in common and they differ by more than the
threshold; it begins a step when the next point has left the level to the same side. So a single
campaign that was disturbed is no step. The last campaign has no next one: what it begins is told as
unconfirmed. (The rule asks for no window or penalty to be tuned, as change-point searches do, and
for no more than two campaigns.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.analysis.comparison import THRESHOLD, Comparison, compared
from harness.analysis.intervals import Interval, geometric_mean, of_processes, of_speedup, quotient
from harness.analysis.pairing import (
    Key,
    baselines_by_unit,
    common_baseline,
    problem_label,
    trials_by_key,
    unit_key,
)
from harness.analysis.recorded import Recorded
from harness.record.result import TrialResult

Points = tuple[Interval | None, ...]


@dataclass(frozen=True)
class Step:
    """A level that begins at the campaign of this number, and its ratio to the one before."""

    at: int
    ratio: Interval
    confirmed: bool  # by the campaign after it


@dataclass(frozen=True)
class Series:
    """A contender on one problem: a point for each campaign, None where there is no figure."""

    problem: str
    contender: str
    basis: str  # a baseline's name, or `processes`
    points: Points
    steps: tuple[Step, ...]

    @property
    def change(self) -> Interval | None:
        """The last point over the first; None of fewer than two."""
        known = [point for point in self.points if point is not None]
        return quotient(known[-1], known[0]) if len(known) > 1 else None


@dataclass(frozen=True)
class History:
    """Campaigns in the order in which they were started; `newest` are the last two compared."""

    campaigns: tuple[Recorded, ...]
    series: tuple[Series, ...]
    means: tuple[Series, ...]  # of contenders, over the problems with every point
    newest: Comparison


def history(campaigns: Sequence[Recorded], threshold: float = THRESHOLD) -> History:
    """Of two campaigns or more; what stands in one of them alone makes no series."""
    ordered = sorted(campaigns, key=lambda one: one.started)
    by_key = [trials_by_key(one.results) for one in ordered]
    beside = [baselines_by_unit(one.results) for one in ordered]
    found: list[Series] = []
    for key in dict.fromkeys(key for one in by_key for key in one):
        trials = [_timed(one.get(key, ())) for one in by_key]
        series = _series(trials, beside, threshold)
        if series is not None:
            found.append(series)
    newest = compared(ordered[-2], ordered[-1], threshold)
    return History(tuple(ordered), tuple(found), _means(found, threshold), newest)


def steps(points: Points, threshold: float = THRESHOLD) -> tuple[Step, ...]:
    """Where the points leave their level, by the rule above."""
    known = [(at, point) for at, point in enumerate(points) if point is not None]
    found: list[Step] = []
    level: list[Interval] = []
    for place, (at, point) in enumerate(known):
        if not level:
            level = [point]
            continue
        before = geometric_mean(level)
        side = _side(point, before, threshold)
        if side == 0:
            level.append(point)
            continue
        after = [point for _, point in known[place + 1 : place + 2]]
        if not after:
            found.append(Step(at, quotient(point, before), confirmed=False))
        elif _side(after[0], before, threshold) == side:
            ratio = quotient(geometric_mean([point, *after]), before)
            found.append(Step(at, ratio, confirmed=True))
            level = [point]
    return tuple(found)


def _side(point: Interval, level: Interval, threshold: float) -> int:
    """1 above the level, -1 below it, 0 at it."""
    if not point.apart(level) or 1 - threshold <= point.value / level.value <= 1 + threshold:
        return 0
    return 1 if point.value > level.value else -1


def _timed(trials: Sequence[TrialResult]) -> TrialResult | None:
    """The only one, where it has a figure: unlike hosts make no series together."""
    return trials[0] if len(trials) == 1 and trials[0].seconds is not None else None


def _series(
    trials: Sequence[TrialResult | None],
    beside: Sequence[dict[Key, dict[str, TrialResult]]],
    threshold: float,
) -> Series | None:
    known = [(t, one.get(unit_key(t), {})) for t, one in zip(trials, beside, strict=True) if t]
    if len(known) < 2:
        return None
    baseline = common_baseline([trial for trial, _ in known], [held for _, held in known])
    points = tuple(None if trial is None else _point(trial, baseline) for trial in trials)
    first = known[0][0]
    basis = baseline or "processes"
    return Series(problem_label(first), first.contender, basis, points, steps(points, threshold))


def _point(trial: TrialResult, baseline: str | None) -> Interval | None:
    """Its speed: over the baseline's, or in calls a second."""
    if baseline is not None:
        return of_speedup(trial.speedup[baseline])
    taken = of_processes([process.median for process in trial.processes])
    return None if taken is None else taken.inverse


def _means(series: Sequence[Series], threshold: float) -> tuple[Series, ...]:
    by_contender: dict[str, list[Points]] = {}
    for one in series:
        if None not in one.points:
            by_contender.setdefault(one.contender, []).append(one.points)
    found = []
    for contender, several in by_contender.items():
        if len(several) > 1:
            columns = zip(*several, strict=True)
            points = tuple(geometric_mean([p for p in one if p is not None]) for one in columns)
            label = f"geometric mean of {len(several)}"
            found.append(Series(label, contender, "", points, steps(points, threshold)))
    return tuple(found)
