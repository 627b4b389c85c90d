"""Results by problem and conditions: what was measured together, and what may be pooled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.record.result import TrialResult


@dataclass(frozen=True)
class ProblemRows:
    """One problem under one set of conditions; strategies come before baselines."""

    label: str  # the problem's name and whatever tells it from others of this name
    results: tuple[TrialResult, ...]


def problems_of(results: Iterable[TrialResult]) -> tuple[ProblemRows, ...]:
    """Results by problem and conditions, both in order of first appearance."""
    return tuple(
        ProblemRows(label, tuple(sorted(members, key=lambda r: r.kind == "baseline")))
        for label, members in problem_groups(results)
    )


def problem_groups(results: Iterable[TrialResult]) -> list[tuple[str, list[TrialResult]]]:
    """(label, results) of each problem under each set of conditions."""
    return grouped(results, lambda r: {"name": _name(r)} | _problem(r) | conditions_of(r))


def baselines_of(results: Iterable[TrialResult]) -> tuple[str, ...]:
    """Baselines by name, those that were compared with and those that were not to be had."""
    names: dict[str, None] = {}
    for result in results:
        if result.kind == "baseline":
            names[result.contender] = None
        names |= dict.fromkeys(result.speedup)
    return tuple(names)


def conditions_of(result: TrialResult) -> dict[str, str]:
    """What must agree for two results to be compared."""
    return {
        "threads": str(result.threads),
        "architecture": result.architecture,
        "host": str(result.host.get("fingerprint", "")),
        "cache": result.cache,
    }


def grouped(
    results: Iterable[TrialResult], key: Callable[[TrialResult], dict[str, str]]
) -> list[tuple[str, list[TrialResult]]]:
    """Results of equal keys, under the key's name and what tells it from others of this name."""
    groups: dict[tuple[tuple[str, str], ...], list[TrialResult]] = {}
    for result in results:
        groups.setdefault(tuple(key(result).items()), []).append(result)
    keys = [dict(group) for group in groups]
    named: dict[str, list[dict[str, str]]] = {}
    for one in keys:
        named.setdefault(one["name"], []).append(one)
    varying = {name: _varying(same_name) for name, same_name in named.items()}
    return [
        (_label(one, varying[one["name"]], members[0].node), members)
        for one, members in zip(keys, groups.values(), strict=True)
    ]


def _name(result: TrialResult) -> str:
    return str(result.problem.get("name", "problem"))


def _problem(result: TrialResult) -> dict[str, str]:
    """Sizes too, for a sweep of sizes keeps the name."""
    sizes = result.problem.get("sizes")
    held = {"primitive": str(result.problem.get("primitive", ""))}
    if isinstance(sizes, Mapping):
        held |= {str(name): str(value) for name, value in sizes.items()}
    return held


def _varying(same_name: Sequence[Mapping[str, str]]) -> set[str]:
    """Fields by which keys of one name differ."""
    fields = {field for key in same_name for field in key}
    return {field for field in fields if len({key.get(field) for key in same_name}) > 1}


def _label(key: Mapping[str, str], varying: set[str], node: str) -> str:
    told = [key["name"]]
    for field, value in key.items():
        if field in varying:
            told.append(f"node={node}" if field == "host" else f"{field}={value}")
    return " ".join(told)
