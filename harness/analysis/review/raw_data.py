"""Samples and candidates as columns, no more of them than a chart can show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from harness.analysis.review.document import Samples, Search
from harness.analysis.time_to_solution import best_so_far
from harness.measure.sample import Sample
from harness.measure.statistics import block_ratios, table
from harness.record.rows import CandidateRow, SampleRow

MOST_SAMPLES = 240  # of a trial; a chart of 300 px shows no more
MOST_CANDIDATES = 200
MOST_STEPS = 60
MARKS = {"switched out": "s", "steal": "t", "processor changed": "p", "page faults": "f"}
DIGITS = 5  # of a sample's seconds: a tenth of a thousandth is below any timer's noise


def samples_of(
    contender: str, rows: Sequence[SampleRow], baselines: Mapping[str, Sequence[SampleRow]]
) -> Samples:
    """Every n-th sample where there are too many, but each that carries a flag of its kind."""
    step = -(-len(rows) // MOST_SAMPLES) or 1
    kept = rows[::step]
    own = table(_samples(contender, rows), contender)
    ratios = {}
    for name, others in baselines.items():
        found = block_ratios(table(_samples(name, others), name), own).ravel()
        found = found[np.isfinite(found)]
        ratios[name] = tuple(float(f"{r:.4g}") for r in found[:MOST_SAMPLES])
    return Samples(
        tuple(float(f"{row['seconds']:.{DIGITS}g}") for row in kept),
        tuple(row["process"] for row in kept),
        tuple(_marks(row.get("flags", [])) for row in kept),
        ratios,
        len(rows),
    )


def search_of(rows: Sequence[CandidateRow], schedule: str | None) -> Search | None:
    """None where nothing was searched."""
    known: Sequence[Mapping[str, Any]] = [r for r in rows if r.get("measured") is not None]
    if not known:
        return None
    both = [r for r in known if r.get("predicted") is not None]
    step = -(-len(both) // MOST_CANDIDATES) or 1
    kept = [r for n, r in enumerate(both) if n % step == 0 or r.get("schedule") == schedule]
    chosen = next((n for n, r in enumerate(kept) if r.get("schedule") == schedule), None)
    return Search(
        tuple(float(f"{r['predicted']:.4g}") for r in kept),
        tuple(float(f"{r['measured']:.4g}") for r in kept),
        chosen,
        tuple(_steps(known)),
        len(rows),
    )


def _steps(rows: Sequence[Mapping[str, Any]]) -> list[tuple[int, float, float]]:
    """Where the best changes, and the end."""
    curve = best_so_far(rows)
    kept = [
        point
        for n, point in enumerate(curve)
        if n in (0, len(curve) - 1) or point[2] < curve[n - 1][2]
    ]
    step = -(-len(kept) // MOST_STEPS) or 1
    kept = [point for n, point in enumerate(kept) if n % step == 0 or n == len(kept) - 1]
    return [(n, float(f"{at:.4g}"), float(f"{best:.5g}")) for n, at, best in kept]


def _samples(contender: str, rows: Sequence[SampleRow]) -> list[Sample]:
    return [
        Sample(
            contender,
            row["process"],
            row["block"],
            row["position"],
            row["seconds"],
            row["calls"],
            tuple(row.get("flags", ())),
        )
        for row in rows
    ]


def _marks(flags: Sequence[str]) -> str:
    return "".join(MARKS.get(flag, "o") for flag in flags)
