"""What a speed cost to find: seconds of searching beside those of a baseline that tunes.

Seconds are wall time on the same cores: analysis, compilation and measurement of a strategy, the
whole run of a tuner with its imports. Both sides' speeds are those of the report tier.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.analysis.groups import problem_groups
from harness.record.result import COMPILED_EARLIER, TrialResult

TUNER = "tuner"  # what a tuner says of itself, among a record's versions
REACHED = ("faster", "same")


@dataclass(frozen=True)
class Against:
    """A contender beside a tuner: speed as a ratio, and its seconds as a share of the tuner's.

    `reached`: it is at least as fast, or the same within the interval.
    """

    ratio: float
    reached: bool
    share: float | None  # None where it searches nothing


@dataclass(frozen=True)
class Solution:
    """One contender's answer to one problem; `against` is by tuner.

    `cached`: kernels that were compiled earlier are not in its seconds.
    """

    problem: str
    contender: str
    kind: str
    gflops: float
    seconds: float | None  # None where it searches nothing
    cached: bool
    tuner: str | None  # its own words, where it is one
    against: Mapping[str, Against]


def solutions_of(results: Iterable[TrialResult]) -> tuple[Solution, ...]:
    """Of every problem that a tuner has solved, in the order of the results."""
    found: list[Solution] = []
    for label, members in problem_groups(results):
        timed = [r for r in members if r.seconds is not None and r.gflops is not None]
        tuners = [r for r in timed if TUNER in r.versions]
        if tuners:
            found += [_solution(label, one, tuners) for one in timed]
    return tuple(found)


def best_so_far(rows: Sequence[Mapping[str, object]]) -> list[tuple[int, float, float]]:
    """(trials, seconds since the search began, best seconds of one call) of a candidates file."""
    known = [row for row in rows if isinstance(row.get("at"), float)]
    known.sort(key=lambda row: float(str(row["at"])))
    return [
        (count, float(str(row["at"])), float(str(row["best"])))
        for count, row in enumerate(known, 1)
        if row.get("best") is not None
    ]


def _solution(label: str, one: TrialResult, tuners: Sequence[TrialResult]) -> Solution:
    assert one.gflops is not None
    seconds = one.tuning_seconds.total
    searches = one.kind == "strategy" or TUNER in one.versions
    return Solution(
        label,
        one.contender,
        one.kind,
        one.gflops,
        seconds if searches else None,
        COMPILED_EARLIER in one.flags,
        one.versions.get(TUNER),
        {
            tuner.contender: _against(one, tuner, seconds if searches else None)
            for tuner in tuners
            if tuner.contender != one.contender
        },
    )


def _against(one: TrialResult, tuner: TrialResult, seconds: float | None) -> Against:
    assert one.seconds is not None
    assert tuner.seconds is not None
    known = one.speedup.get(tuner.contender)
    ratio = known.ratio if known is not None else tuner.seconds.median / one.seconds.median
    reached = ratio >= 1.0 or (known is not None and known.verdict in REACHED)
    share = seconds / tuner.tuning_seconds.total if seconds is not None else None
    return Against(ratio, reached, share)
