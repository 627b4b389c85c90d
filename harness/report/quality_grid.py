"""The table of how well rankings order what was measured."""

from __future__ import annotations

from collections.abc import Sequence

from harness.analysis.rank_quality import CHANCES, FEW, CampaignQuality, RankQuality
from harness.report.grid import Cell, Column, Grid, first

QUALITY_LEGEND = (
    "of: candidates measured, problems of a network; of equals the slowest counts",
    "networks: geometric means, mean correlations",
)


def quality_grid(quality: CampaignQuality, every: bool = True) -> Grid:
    """Rankings by problem, where `every` one is shown; by network also what none would reach."""
    problems = [q for q in quality.problems if every and q.ranking not in CHANCES]
    sections = [
        tuple(
            _quality_row(label if leads else "", one)
            for leads, one in zip(first(own), own, strict=True)
        )
        for rows in (problems, quality.networks)
        for label, own in _by_label(rows)
    ]
    columns = (
        Column("problem", right=False),
        Column("ranking", right=False),
        Column("of"),
        *(Column(h, right=False) for h in ("first choice", f"best of {FEW}", "tau", "rho")),
    )
    return Grid(
        "rank quality | share of the best measured speed, correlation with it [95 %]",
        columns,
        tuple(sections),
        tuple(Cell(line, "dim") for line in QUALITY_LEGEND),
        airy=False,
    )


def _by_label(rows: Sequence[RankQuality]) -> list[tuple[str, list[RankQuality]]]:
    found: dict[str, list[RankQuality]] = {}
    for row in rows:
        found.setdefault(row.label, []).append(row)
    return list(found.items())


def _quality_row(label: str, one: RankQuality) -> tuple[Cell, ...]:
    figures = (one.first, one.best_of_few, one.tau, one.rho)
    return (
        Cell(label, "bold"),
        Cell(one.ranking, "dim" if one.ranking in CHANCES else ""),
        Cell(str(one.count)),
        *(Cell("" if figure is None else str(figure)) for figure in figures),
    )
