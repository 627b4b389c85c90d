"""Campaigns side by side, one line each: when, where, what, and how it went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from harness.analysis.summary import STATUSES, VERDICTS, verdict_counts
from harness.record.result import TrialResult
from harness.report.grid import Cell, Column, Grid

COLUMNS = ("campaign", "started", "problems", "trials", "contenders", "verdicts", "host")


@dataclass(frozen=True)
class Listed:
    """A campaign by its folder's name; `reason` is why nothing can be told of it."""

    name: str
    results: tuple[TrialResult, ...] = ()
    reason: str | None = None


def campaigns_grid(campaigns: Sequence[Listed]) -> Grid:
    """The newest first; campaigns that cannot be read follow as notes."""
    told = [one for one in campaigns if one.reason is None]
    rows = [_row(one) for one in sorted(told, key=_started, reverse=True)]
    notes = tuple(Cell(f"{one.name}: {one.reason}", "red") for one in campaigns if one.reason)
    return Grid(
        f"{len(told)} campaigns",
        tuple(Column(heading, right=heading in ("problems",)) for heading in COLUMNS),
        (tuple(rows),) if rows else (),
        notes,
        airy=True,
    )


def _row(one: Listed) -> tuple[Cell, ...]:
    results = one.results
    counts = Counter(result.status for result in results)
    problems = {repr(sorted(result.problem.items(), key=str)) for result in results}
    contenders = dict.fromkeys(result.contender for result in results)
    hosts = dict.fromkeys(str(result.host.get("cpu") or result.node) for result in results)
    return (
        Cell(one.name),
        Cell(_started(one)[:16].replace("T", " ")),
        Cell(str(len(problems))),
        Cell(", ".join(f"{counts[s]} {s}" for s in STATUSES if counts[s]) or "none"),
        Cell(", ".join(contenders)),
        Cell("; ".join(_verdicts(results))),
        Cell(", ".join(hosts)),
    )


def _started(one: Listed) -> str:
    return min((result.started for result in one.results if result.started), default="")


def _verdicts(results: Sequence[TrialResult]) -> list[str]:
    """`onednn: 8 faster, 2 same` for each baseline, over all strategies."""
    return [
        f"{baseline}: {', '.join(f'{counts[v]} {v}' for v in VERDICTS if counts[v])}"
        for baseline, counts in verdict_counts(results).items()
    ]
