"""Which trials of several campaigns are the same question, and which baselines the same thing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from harness.record.result import TrialResult

# What runs the harness, not the baseline: another version of it leaves a baseline the same thing.
MACHINERY = ("python", "polydl", "numpy", "islpy", "ray", "mlflow")
Key = tuple[str, ...]
Baselines = Mapping[str, TrialResult]  # of one unit, by name


def trials_by_key(results: Iterable[TrialResult]) -> dict[Key, list[TrialResult]]:
    """By problem, conditions and contender; several where unlike hosts took the same."""
    found: dict[Key, list[TrialResult]] = {}
    for result in results:
        key = (*unit_key(result)[1:], result.kind, result.contender)
        found.setdefault(key, []).append(result)
    return found


def baselines_by_unit(results: Iterable[TrialResult]) -> dict[Key, dict[str, TrialResult]]:
    """The baselines that stood beside each unit's strategies."""
    found: dict[Key, dict[str, TrialResult]] = {}
    for result in results:
        if result.kind == "baseline":
            found.setdefault(unit_key(result), {})[result.contender] = result
    return found


def unit_key(result: TrialResult) -> Key:
    """What was measured together: the host's kind first, then problem and conditions."""
    problem = result.problem
    sizes = problem.get("sizes")
    told = sorted(sizes.items()) if isinstance(sizes, Mapping) else sizes
    return (
        str(result.host.get("fingerprint")),
        str(problem.get("primitive")),
        str(problem.get("name")),
        str(told),
        str(result.threads),
        result.architecture,
        result.cache,
    )


def matched(
    before: Sequence[TrialResult], after: Sequence[TrialResult]
) -> list[tuple[TrialResult, TrialResult]]:
    """Trials of one key: the only ones, or those on the same kind of host."""
    if len(before) == len(after) == 1:
        return [(before[0], after[0])]
    kinds = {str(trial.host.get("fingerprint")): trial for trial in after}
    own = [(trial, kinds.get(str(trial.host.get("fingerprint")))) for trial in before]
    return [(trial, other) for trial, other in own if other is not None]


def common_baseline(trials: Sequence[TrialResult], beside: Sequence[Baselines]) -> str | None:
    """The first baseline that all trials were compared with, the same thing in all their units.

    `beside` are the baselines of each trial's unit.
    """
    for name in trials[0].speedup:
        if all(name in t.speedup and name in held for t, held in zip(trials, beside, strict=True)):
            first, *others = [_thing(held[name]) for held in beside]
            if all(other == first for other in others):
                return name
    return None


def problem_label(result: TrialResult) -> str:
    """The problem's name, and the conditions that are not the usual ones."""
    told = [str(result.problem.get("name", "problem"))]
    if result.threads > 1:
        told.append(f"threads={result.threads}")
    if result.cache != "hot":
        told.append(result.cache)
    if result.architecture != "host":
        told.append(result.architecture)
    return " ".join(told)


def _thing(baseline: TrialResult) -> tuple[object, ...]:
    """What a baseline is: equal where the same code runs on the same kind of host."""
    told = {
        key: value
        for key, value in baseline.versions.items()
        if key not in MACHINERY and not key.endswith("_library")  # a path
    }
    return baseline.host.get("fingerprint"), baseline.kernel, sorted(told.items())
