"""A result as one line of results.jsonl and back; what is read equals what was written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from math import isfinite
from typing import Any

from harness.errors import RecordError
from harness.record.result import SCHEMA, Seconds, Speedup, TrialResult, TuningSeconds

FIELDS = tuple(f.name for f in fields(TrialResult))
REQUIRED = (
    "campaign",
    "trial",
    "problem",
    "contender",
    "kind",
    "architecture",
    "threads",
    "status",
)


def line_of(result: TrialResult) -> str:
    """One line of JSON without its line end. A number that is not finite is written as null."""
    record: dict[str, object] = {"schema": result.schema}
    record |= {name: getattr(result, name) for name in FIELDS if name != "schema"}
    record["seconds"] = _seconds(result.seconds)
    record["speedup"] = {
        name: {"ratio": s.ratio, "ci95": list(s.ci95), "verdict": s.verdict}
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


def result_of(
    line: str, where: str = "results.jsonl", texts: dict[str, str] | None = None
) -> TrialResult:
    """The result of a line; unknown fields are ignored. Raises RecordError, naming `where`.

    `texts` is kept between the lines of a file: what is the same in all (names of fields, facts of
    the host) is held once in memory.
    """
    known_texts = {} if texts is None else texts

    def shared(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        return {
            known_texts.setdefault(key, key): known_texts.setdefault(value, value)
            if isinstance(value, str)
            else value
            for key, value in pairs
        }

    try:
        record = json.loads(line, object_pairs_hook=shared)
    except ValueError as fault:
        raise RecordError(f"{where}: no JSON: {fault}") from fault
    if not isinstance(record, dict):
        raise RecordError(f"{where}: expected an object, got {type(record).__name__}")
    schema = record.get("schema")
    if schema != SCHEMA:
        raise RecordError(f"{where}: unknown schema {schema!r}; this version reads {SCHEMA}")
    missing = [name for name in REQUIRED if name not in record]
    if missing:
        raise RecordError(f"{where}: field '{missing[0]}' is missing")
    known: dict[str, Any] = {name: record[name] for name in FIELDS if name in record}
    try:
        return TrialResult(**(known | _typed(known)))
    except (TypeError, KeyError, ValueError) as fault:
        raise RecordError(f"{where}: {type(fault).__name__}: {fault}") from fault


def json_text(value: object) -> str:
    """Compact JSON on one line; numbers that are not finite become null, numpy scalars numbers."""
    return json.dumps(_finite(value), separators=(", ", ": "), allow_nan=False)


def _typed(record: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that JSON cannot hold as they are."""
    typed: dict[str, Any] = {}
    if record.get("seconds") is not None:
        s = record["seconds"]
        typed["seconds"] = Seconds(s["median"], s["min"], _pair(s["ci95"]), s["samples"])
    if "speedup" in record:
        typed["speedup"] = {
            name: Speedup(s["ratio"], _pair(s["ci95"]), s["verdict"])
            for name, s in (record["speedup"] or {}).items()
        }
    if "tuning_seconds" in record:
        t = record["tuning_seconds"] or {}
        typed["tuning_seconds"] = TuningSeconds(
            t.get("analyse", 0.0), t.get("compile", 0.0), t.get("measure", 0.0)
        )
    for name in ("cores", "flags"):
        if name in record:
            typed[name] = tuple(record[name] or ())
    return typed


def _pair(values: list[float]) -> tuple[float, float]:
    low, high = values
    return low, high


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
