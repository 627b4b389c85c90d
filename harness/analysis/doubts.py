"""What a reader should know of figures before believing them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.analysis.groups import ProblemRows
from harness.measure.noise import MARKED
from harness.record.result import NOT_VECTORISED, ONLY_CANDIDATE, TrialResult


@dataclass(frozen=True)
class Noisy:
    """A trial whose figures were disturbed; a comparison counts with the noisier of its sides."""

    problem: str
    contender: str
    noise: float  # share of disturbed samples


def noisy_trials(problems: Sequence[ProblemRows]) -> tuple[Noisy, ...]:
    """Trials with more noise than is left unmarked, the noisiest first."""
    found = (
        Noisy(label, result.contender, max(_noises(result))) for label, result in _timed(problems)
    )
    return tuple(sorted((n for n in found if n.noise > MARKED), key=lambda one: -one.noise))


def withheld_verdicts(problems: Sequence[ProblemRows]) -> int:
    """Comparisons whose interval says faster or slower, but not in this noise."""
    return sum(s.reason is not None for _, r in _timed(problems) for s in r.speedup.values())


def without_choice(problems: Sequence[ProblemRows]) -> dict[str, list[tuple[str, str]]]:
    """By flag, (problem, contender) with one candidate alone or without vectorised schedules."""
    return {
        flag: [(label, r.contender) for label, r in _timed(problems) if flag in r.flags]
        for flag in (NOT_VECTORISED, ONLY_CANDIDATE)
    }


def _noises(result: TrialResult) -> Iterable[float]:
    yield result.noise or 0.0
    yield from (speedup.noise or 0.0 for speedup in result.speedup.values())


def _timed(problems: Sequence[ProblemRows]) -> list[tuple[str, TrialResult]]:
    return [(p.label, r) for p in problems for r in p.results if r.status == "ok"]
