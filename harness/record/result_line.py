"""A result as one line of results.jsonl and back; what is read equals what was written."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from math import isfinite
from typing import Any, TypeVar, cast

from compiler.errors import shown
from harness.errors import RecordError, SchemaError
from harness.record.result import SCHEMA, Seconds, TrialResult
from harness.record.typed import LEAST, MOST, converted, decoded

FIELDS = tuple(f.name for f in fields(TrialResult))
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")  # of a campaign, a trial, a kernel: no path
NAMED = "letters, digits, '_', '-' and '.'"
REPEATED = (  # fields with few different texts
    *("campaign", "contender", "kind", "architecture", "status", "stage", "reason", "dtype"),
    *("tier", "cache", "node", "stop", "quality"),
)

T = TypeVar("T")
V = TypeVar("V")


def line_of(result: TrialResult) -> str:
    """One line of JSON without its line end. A number that is not finite is written as null."""
    record: dict[str, object] = {"schema": result.schema}
    record |= {name: getattr(result, name) for name in FIELDS if name != "schema"}
    record["seconds"] = _seconds(result.seconds)
    record["roofline"] = None if result.roofline is None else asdict(result.roofline)
    record["estimate"] = None if result.estimate is None else asdict(result.estimate)
    record["processes"] = [asdict(one) for one in result.processes]
    record["verified"] = None if result.verified is None else asdict(result.verified)
    record["speedup"] = {
        name: {**asdict(s), "ci95": list(s.ci95)}
        for name, s in result.speedup.items()
        if all(map(isfinite, (s.ratio, *s.ci95)))
    }
    tuning = result.tuning_seconds
    record["tuning_seconds"] = {
        "analyse": tuning.analyse,
        "compile": tuning.compile,
        "measure": tuning.measure,
        "total": tuning.total,
    }
    return json_text(record)


class Shared:
    """What the lines of one file have in common is held once, and looked at once.

    A host's facts and versions are most of a line, and a campaign has few different ones.
    """

    def __init__(self) -> None:
        self._facts: dict[str, Mapping[str, Any]] = {}
        self._texts: dict[object, object] = {}

    def facts(
        self, facts: Mapping[str, T], check: Callable[[Mapping[str, T]], object] | None = None
    ) -> Mapping[str, T]:
        """Equal facts that came before; else these, once `check` has seen them."""
        told = repr(facts)
        if told not in self._facts:
            if check is not None:
                check(facts)
            self._facts[told] = facts
        return self._facts[told]

    def text(self, value: V) -> V:
        """An equal text that came before; other values as they are."""
        if not isinstance(value, str):
            return value
        return cast(V, self._texts.setdefault(value, value))


def result_of(
    line: bytes | str, where: str = "results.jsonl", shared: Shared | None = None
) -> TrialResult:
    """The result of a line; unknown fields are ignored.

    Raises RecordError, which begins with `where`: SchemaError for a line of another schema.
    """
    schema = decoded(line, _Versioned, where).schema
    if schema != SCHEMA:
        raise SchemaError(f"{where}: unknown schema {schema}; this version reads {SCHEMA}")
    result = decoded(line, TrialResult, where)
    converted(result.problem, _ProblemFacts, f"{where}: problem")
    for name in (result.trial, *filter(None, [result.kernel])):
        if not NAME.fullmatch(name):
            raise RecordError(f"{where}: '{shown(name)}' names no file ({NAMED})")
    for what, value, least in _numbers(result):
        if not least <= value <= MOST:
            told = ".".join(map(shown, what.split(".", 2)))
            raise RecordError(f"{where}: {told} must be {least} to {MOST:.0e}, got {shown(value)}")
    shared = shared or Shared()
    problem = {key: shared.text(value) for key, value in result.problem.items()}
    return replace(
        result,
        problem=problem,
        host=shared.facts(result.host, lambda host: converted(host, _HostFacts, f"{where}: host")),
        versions=shared.facts(result.versions),
        layouts=shared.facts(result.layouts),
        **{name: shared.text(getattr(result, name)) for name in REPEATED},
    )


@dataclass(frozen=True)
class _Versioned:
    schema: int


@dataclass(frozen=True)
class _ProblemFacts:
    """What readers use of a problem."""

    primitive: str = ""
    name: str = ""
    sizes: dict[str, int] = field(default_factory=dict)
    flops: int | float | None = None
    workload: str | None = None
    count: int = 1
    benchdnn: str | None = None


@dataclass(frozen=True)
class _HostFacts:
    """What readers use of a host."""

    fingerprint: str = ""
    name: str = ""
    cpu: str = ""
    peak_gflops: float | None = None
    memory_bandwidth: float | None = None
    caches: dict[str, int] = field(default_factory=dict)
    analysed_caches: dict[str, int] = field(default_factory=dict)


def _numbers(result: TrialResult) -> Iterator[tuple[str, float, float]]:
    """(what, value, the least it can be) of every number that figures are made of."""
    seconds, tuning = result.seconds, result.tuning_seconds
    yield from (("threads", result.threads, 1), ("attempt", result.attempt, 0))
    yield from (("cores", core, 0) for core in result.cores)
    numbers = ("gflops", "predicted_seconds", "predicted_ratio", "max_error", "tolerance", "noise")
    for what in (*numbers, "of_roofline"):
        if (value := getattr(result, what)) is not None:
            yield what, value, 0
    for what in ("rank", "ranked"):
        if (place := getattr(result, what)) is not None:
            yield what, place, 1
    yield from (("drift", value, LEAST) for value in result.drift)
    for one in result.processes:
        yield from (("processes.samples", one.samples, 0), ("processes.flagged", one.flagged, 0))
        yield "processes.median", one.median, LEAST
    if result.roofline is not None:
        for name in ("seconds", "operations", "bytes"):
            yield f"roofline.{name}", getattr(result.roofline, name), 0
        yield "roofline.bandwidth", result.roofline.bandwidth or 0.0, 0
    if result.estimate is not None:
        yield "estimate.seconds", result.estimate.seconds, 0
        for name in ("parts", "bytes"):
            held: Mapping[str, float] = getattr(result.estimate, name)
            yield from ((f"estimate.{name}.{k}", v, 0) for k, v in held.items())
    if result.verified is not None:
        yield from (("verified.rounds", n, 0) for n in result.verified.rounds.values())
        if result.verified.decided is not None:
            yield "verified.decided", result.verified.decided, 0
    for what in ("analyse", "compile", "measure"):
        yield f"tuning_seconds.{what}", getattr(tuning, what), 0
    if seconds is not None:
        yield "seconds.samples", seconds.samples, 0
        for value in (seconds.median, seconds.min, *seconds.ci95):
            yield "seconds", value, LEAST
    for name, found in result.speedup.items():
        for value in (found.ratio, *found.ci95):
            yield f"speedup.{name}", value, LEAST
        yield f"speedup.{name}.noise", found.noise or 0.0, 0


def json_text(value: object) -> str:
    """Compact JSON on one line; numbers that are not finite become null, numpy scalars numbers."""
    return json.dumps(_finite(value), separators=(", ", ": "), allow_nan=False)


def _seconds(seconds: Seconds | None) -> dict[str, object] | None:
    if seconds is None or not all(map(isfinite, (seconds.median, seconds.min, *seconds.ci95))):
        return None
    return {
        "median": seconds.median,
        "min": seconds.min,
        "ci95": list(seconds.ci95),
        "samples": seconds.samples,
    }


def _finite(value: object) -> object:
    if hasattr(value, "item") and not isinstance(value, Mapping):  # a numpy scalar
        value = value.item()
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(member) for member in value]
    return value
