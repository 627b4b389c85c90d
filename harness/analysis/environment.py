"""What differs between campaigns besides the figures: told before any of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.analysis.recorded import Recorded
from harness.record.changes import changed_values
from harness.record.result import TrialResult

Aspect = Literal["host", "compiler", "threads", "configuration", "versions", "code"]
ASPECTS: tuple[Aspect, ...] = (
    "host",
    "compiler",
    "threads",
    "configuration",
    "versions",
    "code",
)  # in the order in which they are told
# Of a host: what decides speed first. The rest (load, steal) is a moment's, and stands in records.
HOST = (
    *("fingerprint", "name", "cpu", "isa", "logical_cores", "smt", "caches", "memory_bytes"),
    *("governor", "turbo", "huge_pages", "kernel"),
)
MEASURED = ("peak_gflops", "memory_bandwidth")  # of a host, anew in every campaign
NEAR = 0.05  # measured facts that agree within so much are the same
COMPILER = ("compiler", "compiler_flags", "compiler_target", "cxx")


@dataclass(frozen=True)
class Difference:
    """One fact that two campaigns do not share; several values are those of several nodes."""

    aspect: Aspect
    name: str
    one: str
    other: str

    def __str__(self) -> str:
        return f"{self.aspect}: {self.name}: {self.one} -> {self.other}"


def differences(one: Recorded, other: Recorded) -> tuple[Difference, ...]:
    """In the order of ASPECTS; empty where all that is known is alike."""
    found: list[Difference] = []

    def look(aspect: Aspect, before: Mapping[str, set[str]], after: Mapping[str, set[str]]) -> None:
        for name in dict.fromkeys((*before, *after)):
            told = [", ".join(sorted(side.get(name, ()))) or "unknown" for side in (before, after)]
            if told[0] != told[1]:
                found.append(Difference(aspect, name, *told))

    look("host", _host(one.results), _host(other.results))
    found += _measured(one.results, other.results)
    look("compiler", _versions(one.results, True), _versions(other.results, True))
    look("threads", _conditions(one.results), _conditions(other.results))
    if one.documents and other.documents:
        changes = changed_values(one.documents, other.documents)
        found += [Difference("configuration", *change) for change in changes]
    look("versions", _versions(one.results, False), _versions(other.results, False))
    look("code", {"git commit": {one.commit}}, {"git commit": {other.commit}})
    look("code", _code(one), _code(other))
    return tuple(found)


def same_hosts(one: Recorded, other: Recorded) -> bool:
    """Whether both were taken on the same kinds of hosts, under the same names."""
    return all(
        _host(one.results).get(name) == _host(other.results).get(name)
        for name in ("fingerprint", "name")
    )


def _host(results: Sequence[TrialResult]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for result in results:
        for name in HOST:
            if name in result.host:
                found.setdefault(name, set()).add(str(result.host[name]))
    return found


def _measured(one: Sequence[TrialResult], other: Sequence[TrialResult]) -> list[Difference]:
    """Ceilings that differ by more than they do from one measurement to the next."""
    found = []
    for name in MEASURED:
        before, after = _values(one, name), _values(other, name)
        if before and after and max(*before, *after) > (1 + NEAR) * min(*before, *after):
            told = (
                " to ".join(f"{v:.4g}" for v in {min(s): 0, max(s): 0}) for s in (before, after)
            )
            found.append(Difference("host", name, *told))
    return found


def _values(results: Sequence[TrialResult], name: str) -> list[float]:
    held = [result.host.get(name) for result in results]
    return [float(value) for value in held if isinstance(value, int | float) and value > 0]


def _versions(results: Sequence[TrialResult], compiler: bool) -> dict[str, set[str]]:
    """By name; a baseline's own facts stand under its label, for each has a `version`."""
    found: dict[str, set[str]] = {}
    shared = {key for r in results if r.kind == "strategy" for key in r.versions} | {*COMPILER}
    for result in results:
        for key, value in result.versions.items():
            if (key in COMPILER) == compiler:
                name = key if key in shared else f"{result.contender} {key}"
                found.setdefault(name, set()).add(value)
    return found


def _conditions(results: Sequence[TrialResult]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for result in results:
        for name in ("threads", "architecture", "cache", "quality"):
            found.setdefault(name, set()).add(str(getattr(result, name)))
    return found


def _code(one: Recorded) -> dict[str, set[str]]:
    return {"sources": {start["code"] for start in one.starts[-1:]}}
