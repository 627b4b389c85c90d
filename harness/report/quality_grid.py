"""The table of how well rankings order what was measured."""

from __future__ import annotations

from collections.abc import Sequence

from harness.analysis.rank_quality import CHANCES, FEW, CampaignQuality, RankQuality
from harness.record.result import FEW_AGAIN, TOP_SHARE
from harness.report.grid import Cell, Column, Grid, first

QUALITY_LEGEND = (
    "of: candidates measured, problems of a network; of equals the slowest counts",
    "networks: geometric means, mean correlations",
)
AGAIN_LEGEND = "again: timed a second time, in pairs; shares of the fastest of that measurement"


def quality_grid(quality: CampaignQuality, every: bool = True) -> Grid:
    """Rankings by problem, where `every` one is shown; by network also what none would reach."""
    problems = [q for q in quality.problems if every and q.ranking not in CHANCES]
    again = any(q.again is not None for q in quality.networks)
    headings = ["first choice", f"best of {FEW}"]
    if again:
        headings += ["again: first", f"of {FEW_AGAIN}", f"of {TOP_SHARE:.0%}".replace("%", " %")]
    sections = [
        tuple(
            _quality_row(label if leads else "", one, again)
            for leads, one in zip(first(own), own, strict=True)
        )
        for rows in (problems, quality.networks)
        for label, own in _by_label(rows)
    ]
    columns = (
        Column("problem", right=False, folds=True),
        Column("ranking", right=False),
        Column("of"),
        *(Column(h, right=False) for h in (*headings, "tau", "rho")),
    )
    return Grid(
        "rank quality | share of the best measured speed, correlation with it [95 %]",
        columns,
        tuple(sections),
        tuple(Cell(line, "dim") for line in (*QUALITY_LEGEND, *[AGAIN_LEGEND] * again)),
        airy=False,
    )


def _by_label(rows: Sequence[RankQuality]) -> list[tuple[str, list[RankQuality]]]:
    found: dict[str, list[RankQuality]] = {}
    for row in rows:
        found.setdefault(row.label, []).append(row)
    return list(found.items())


def _quality_row(label: str, one: RankQuality, again: bool) -> tuple[Cell, ...]:
    held = one.again
    second = (held.first, held.few, held.top) if held is not None else (None,) * 3
    figures = (one.first, one.best_of_few, *(second if again else ()), one.tau, one.rho)
    return (
        Cell(label, "bold"),
        Cell(one.ranking, "dim" if one.ranking in CHANCES else ""),
        Cell(str(one.count)),
        *(Cell("" if figure is None else str(figure)) for figure in figures),
    )
