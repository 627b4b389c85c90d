"""What a reader of the table should know before believing it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.noise import MARKED
from harness.record.result import NOT_VECTORISED, ONLY_CANDIDATE, TrialResult
from harness.report.summary import ProblemRows

SHOWN = 6  # trials that are named one by one


def choices_told(problems: Sequence[ProblemRows]) -> tuple[str, ...]:
    """Strategies that had nothing to choose from, or no vectorised schedule."""
    told = []
    for flag in (NOT_VECTORISED, ONLY_CANDIDATE):
        names = [f"{r.contender} on {label}" for label, r in _timed(problems) if flag in r.flags]
        if names:
            told.append(f"{flag}: {_listed(names)}")
    return tuple(told)


def doubts_told(problems: Sequence[ProblemRows]) -> tuple[str, ...]:
    """One line that names what was measured in noise, the noisiest first; none where it is quiet.

    A comparison counts with the noisier of its sides.
    """
    noisy = [
        (noise, f"{result.contender} on {label}")
        for label, result in _timed(problems)
        if (noise := max(_noises(result), default=0.0)) > MARKED
    ]
    if not noisy:
        return ()
    noisy.sort(key=lambda one: -one[0])
    withheld = sum(s.reason is not None for _, r in _timed(problems) for s in r.speedup.values())
    told = f"not to be trusted, measured in noise: {_listed([f'{n} ({s:.0%})' for s, n in noisy])}"
    return (f"{told}; {withheld} verdicts withheld" if withheld else told,)


def refusal_told(refused: Sequence[TrialResult], limit: float) -> str:
    """Why a campaign whose trials all went well ends with status 1."""
    names = [f"{r.contender} on {r.problem.get('name')} ({r.noise or 0:.0%})" for r in refused]
    return f"refused, more noise than measure.refuse_noise={limit:g}: {_listed(names)}"


def _noises(result: TrialResult) -> Iterable[float]:
    yield result.noise or 0.0
    yield from (speedup.noise or 0.0 for speedup in result.speedup.values())


def _timed(problems: Sequence[ProblemRows]) -> list[tuple[str, TrialResult]]:
    return [(p.label, r) for p in problems for r in p.results if r.status == "ok"]


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
