"""The table of time to solution."""

from __future__ import annotations

from collections.abc import Sequence

from harness.analysis.time_to_solution import Against, Solution
from harness.report.grid import Cell, Column, Grid, first

LEGEND = "against a tuner: times its speed, and where that is reached, in what share of its seconds"
CACHED = (
    "* without compiling kernels that were cached; `polydl clean --yes builds` before it counts all"
)


def solution_grid(solutions: Sequence[Solution]) -> Grid:
    """Contenders by problem; a column for each tuner."""
    tuners = list(dict.fromkeys(name for one in solutions for name in one.against))
    by_problem: dict[str, list[Solution]] = {}
    for one in solutions:
        by_problem.setdefault(one.problem, []).append(one)
    sections = tuple(
        tuple(
            _row(label if leads else "", one, tuners)
            for leads, one in zip(first(own), own, strict=True)
        )
        for label, own in by_problem.items()
    )
    columns = (
        Column("problem", right=False, folds=True),
        Column("contender", right=False),
        Column("GFLOP/s"),
        Column("searched"),
        *(Column(f"x {tuner}", right=False) for tuner in tuners),
    )
    told = {one.contender: one.tuner for one in solutions if one.tuner is not None}
    notes = [Cell(f"{name}: {words}") for name, words in told.items()]
    if any(one.cached for one in solutions):
        notes.append(Cell(CACHED, "yellow"))
    return Grid("time to solution", columns, sections, (*notes, Cell(LEGEND, "dim")), airy=True)


def _row(label: str, one: Solution, tuners: Sequence[str]) -> tuple[Cell, ...]:
    return (
        Cell(label, "bold"),
        Cell(one.contender, "" if one.kind == "strategy" else "dim"),
        Cell(f"{one.gflops:.1f}"),
        Cell("" if one.seconds is None else f"{one.seconds:.1f} s{'*' if one.cached else ' '}"),
        *(_told(one.against.get(tuner)) for tuner in tuners),
    )


def _told(against: Against | None) -> Cell:
    if against is None:
        return Cell()
    if against.share is None:
        return Cell(f"{against.ratio:.2f}")
    if not against.reached:
        return Cell(f"{against.ratio:.2f}, not reached", "red")
    share = against.share
    told = f"1/{1 / share:.0f}" if 0 < share < 1 else f"{share:.1f} times"
    return Cell(f"{against.ratio:.2f} in {told}", "green" if share < 1 else "")
