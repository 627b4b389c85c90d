"""A comparison or a history as plain data, for JSON and for pages."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from harness.analysis.comparison import Comparison
from harness.analysis.history import History, Series
from harness.analysis.intervals import Interval
from harness.analysis.pairing import problem_label
from harness.analysis.recorded import Recorded
from harness.record.result import TrialResult


def comparison_data(found: Comparison) -> dict[str, Any]:
    """Ratios are speed of the second campaign over the first's."""
    return {
        "campaigns": [_campaign(found.one), _campaign(found.other)],
        "threshold": found.threshold,
        "same_hosts": found.same_hosts,
        "regressed": found.regressed,
        "differences": [asdict(one) for one in found.differences],
        "pairs": [
            {
                "problem": pair.problem,
                "contender": pair.contender,
                "kind": pair.one.kind,
                "trials": [pair.one.trial, pair.other.trial],
                "ratio": _interval(pair.ratio),
                "verdict": pair.verdict,
                "by": pair.basis,
                "noise": pair.noise,
                "reason": pair.reason,
                "rescheduled": pair.rescheduled,
            }
            for pair in found.pairs
        ],
        "means": [{**asdict(mean), "ratio": _interval(mean.ratio)} for mean in found.means],
        "only": [_trials(found.only_one), _trials(found.only_other)],
    }


def history_data(found: History) -> dict[str, Any]:
    """Points by campaign: speed over the baseline named by `by`, or calls a second."""
    return {
        "campaigns": [_campaign(one) for one in found.campaigns],
        "series": [_series(one) for one in (*found.means, *found.series)],
        "newest": comparison_data(found.newest),
    }


def _series(one: Series) -> dict[str, Any]:
    return {
        "problem": one.problem,
        "contender": one.contender,
        "by": one.basis,
        "points": [_interval(point) for point in one.points],
        "steps": [
            {"at": step.at, "ratio": _interval(step.ratio), "confirmed": step.confirmed}
            for step in one.steps
        ],
    }


def _campaign(one: Recorded) -> dict[str, str]:
    return {"name": one.name, "started": one.started, "commit": one.commit}


def _interval(one: Interval | None) -> dict[str, Any] | None:
    return None if one is None else {"value": one.value, "ci95": [one.low, one.high]}


def _trials(trials: tuple[TrialResult, ...]) -> list[dict[str, str]]:
    return [
        {"trial": t.trial, "problem": problem_label(t), "contender": t.contender} for t in trials
    ]
