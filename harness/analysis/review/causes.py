"""Why a contender loses to a baseline, in words: noise, bound, model, ranking, space.

Rules in this order; the first that holds is the cause: each asks what the one before left open.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.analysis.summary import share_of_peak
from harness.measure.noise import MARKED, word_for
from harness.record.result import NOT_VECTORISED, Speedup, TrialResult

NEAR = 0.10  # a model that errs by less has explained the time
BETTER = 1.02  # a sibling that is faster by less is as fast


def per_cent(share: float) -> str:
    """52 %"""
    return f"{100 * share:.0f} %"


def cause(result: TrialResult, baseline: TrialResult | None, beside: Sequence[TrialResult]) -> str:
    """Of a timed result that is behind a baseline; empty where it is not, or is as fast.

    `beside` are the other strategies on the same problem.
    """
    name = "the baseline" if baseline is None else baseline.contender
    speedup = None if baseline is None else result.speedup.get(baseline.contender)
    if speedup is None or speedup.ratio >= 1 or speedup.verdict in ("same", "faster"):
        return ""
    if speedup.reason is not None:
        return f"slower by its interval, withheld: {noise_told(speedup.noise)}"
    if speedup.verdict == "inconclusive":
        return _undecided(speedup)
    if NOT_VECTORISED in result.flags:
        return "not vectorised: the strategy's space holds no vectorised schedule of this problem"
    return _better_schedule(result, beside) or _by_model(result, baseline, name)


def model_ratio(result: TrialResult) -> float | None:
    """Predicted over measured seconds; older records hold both without it."""
    if result.predicted_ratio is not None:
        return result.predicted_ratio
    if result.predicted_seconds is None or result.seconds is None:
        return None
    return result.predicted_seconds / result.seconds.median


def bound_told(result: TrialResult) -> str:
    """bound by L3 (74 % of the estimate)"""
    found = result.estimate
    if found is None:
        return "bound unknown: no estimate was recorded"
    share = found.parts.get(found.bound, 0.0) / found.seconds if found.seconds > 0 else 0.0
    return f"bound by {found.bound} ({per_cent(share)} of the estimate)"


def model_told(result: TrialResult) -> str:
    """model off by 12 %, too fast: it predicts less time than was measured."""
    ratio = model_ratio(result)
    if ratio is None:
        return "no prediction was recorded"
    if abs(ratio - 1) < 0.005:
        return "model exact within 0.5 %"
    return f"model off by {per_cent(abs(1 - ratio))}, too {'fast' if ratio < 1 else 'slow'}"


def noise_told(noise: float | None) -> str:
    """noise: loud, 52 % of the samples disturbed"""
    if noise is None:
        return "noise was not recorded"
    return f"noise: {word_for(noise)}, {per_cent(noise)} of the samples disturbed"


def _undecided(speedup: Speedup) -> str:
    low, high = speedup.ci95
    if (speedup.noise or 0.0) > MARKED:
        return f"not decided: {noise_told(speedup.noise)}"
    if low <= 1 <= high:
        return "not decided: the interval includes 1; measure=careful narrows it"
    return "not decided: the difference is below 1 %"


def _better_schedule(result: TrialResult, beside: Sequence[TrialResult]) -> str:
    """Where another strategy found a faster schedule, this one's choice is the cause."""
    timed = [other for other in beside if other.seconds is not None]
    if result.seconds is None or not timed:
        return ""
    best = min(timed, key=lambda other: other.seconds.median if other.seconds else 0.0)
    assert best.seconds is not None
    gain = result.seconds.median / best.seconds.median
    if gain < BETTER or best.schedule == result.schedule:
        return ""
    place = "" if best.rank is None else f", ranked {best.rank}"
    return f"the choice of schedule: {best.contender} found one {per_cent(gain - 1)} faster{place}"


def _by_model(result: TrialResult, baseline: TrialResult | None, name: str) -> str:
    ratio, found = model_ratio(result), result.estimate
    if ratio is None or found is None:
        return "unknown: the record holds no estimate"
    if ratio < 1 - NEAR:
        return (
            f"the kernel takes {per_cent(1 / ratio - 1)} longer than its model says, "
            f"which expects it bound by {found.bound}"
        )
    share = None if baseline is None else share_of_peak(baseline)
    if share is not None and share > 1:
        return f"{name} passes the measured peak: it computes less (skipped padding, Winograd)"
    if found.bound in ("compute", "overhead"):
        told = "what runs beside the FMAs" if found.bound == "overhead" else "the FMA units"
        return f"bound by {told}, as the model expects; {name}'s kernel spends less on it"
    moved = found.bytes.get(found.bound)
    much = "" if moved is None else f" of {moved / 1e6:.1f} MB"
    return f"traffic{much} from {found.bound}, as the model expects: {name} reuses more"
