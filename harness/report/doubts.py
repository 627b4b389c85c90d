"""The lines under a table that say what to know before believing it."""

from __future__ import annotations

from collections.abc import Sequence

from harness.analysis.doubts import noisy_trials, withheld_verdicts, without_choice
from harness.analysis.groups import ProblemRows
from harness.record.result import TrialResult

SHOWN = 6  # trials that are named one by one


def choices_told(problems: Sequence[ProblemRows]) -> tuple[str, ...]:
    """Strategies that had nothing to choose from, or no vectorised schedule."""
    return tuple(
        f"{flag}: {_listed([f'{contender} on {label}' for label, contender in trials])}"
        for flag, trials in without_choice(problems).items()
        if trials
    )


def doubts_told(problems: Sequence[ProblemRows]) -> tuple[str, ...]:
    """One line that names what was measured in noise; none where it is quiet."""
    noisy = noisy_trials(problems)
    if not noisy:
        return ()
    names = [f"{one.contender} on {one.problem} ({one.noise:.0%})" for one in noisy]
    told = f"not to be trusted, measured in noise: {_listed(names)}"
    withheld = withheld_verdicts(problems)
    return (f"{told}; {withheld} verdicts withheld" if withheld else told,)


def refusal_told(refused: Sequence[TrialResult], limit: float) -> str:
    """Why a campaign whose trials all went well ends with status 1."""
    names = [f"{r.contender} on {r.problem.get('name')} ({r.noise or 0:.0%})" for r in refused]
    return f"refused, more noise than measure.refuse_noise={limit:g}: {_listed(names)}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
