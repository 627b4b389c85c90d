"""Draws the best so far against seconds and trials, a row for each problem (see README.md).

python experiments/time_to_solution/plot.py CAMPAIGN [OUT.html]
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from harness.analysis.groups import problem_groups
from harness.analysis.time_to_solution import best_so_far, solutions_of
from harness.record.journal import CampaignFolder, find_campaign
from harness.record.result import TrialResult

COLOURS = ("#1f77b4", "#d62728", "#7f7f7f", "#2ca02c", "#9467bd", "#8c564b", "#e377c2")
HEIGHT = 260  # pixels of a row


def main(arguments: Sequence[str]) -> int:
    folder = find_campaign(arguments[0])
    out = Path(arguments[1] if len(arguments) > 1 else folder.path / "time_to_solution.html")
    results = folder.results()
    solved = {one.problem for one in solutions_of(results)}
    groups = [(label, members) for label, members in problem_groups(results) if label in solved]
    figure = make_subplots(
        rows=len(groups),
        cols=2,
        shared_yaxes=True,
        row_titles=[label for label, _ in groups],
        column_titles=["seconds of searching", "trials"],
    )
    names = list(dict.fromkeys(one.contender for _, members in groups for one in members))
    for row, (_, members) in enumerate(groups, 1):
        for one in members:
            for column, points in enumerate(curves(folder, one), 1):
                colour = COLOURS[names.index(one.contender) % len(COLOURS)]
                drawn = trace(one, points, colour, named=row == column == 1)
                figure.add_trace(drawn, row, column)
    figure.update_xaxes(type="log")
    figure.update_yaxes(title_text="GFLOP/s", rangemode="tozero", col=1)
    figure.update_layout(height=HEIGHT * len(groups), template="plotly_white", hovermode="closest")
    figure.write_html(out, include_plotlyjs=True)
    print(out)
    return 0


def curves(folder: CampaignFolder, one: TrialResult) -> tuple[list[tuple[float, float]], ...]:
    """(seconds, GFLOP/s) and (trials, GFLOP/s): what the search knew, then the report's figure."""
    if one.gflops is None or one.seconds is None:
        return ()
    flops = one.gflops * one.seconds.median
    known = best_so_far(folder.candidates(one.trial))
    trials = known[-1][0] if known else 1
    seconds = max(one.tuning_seconds.total, 1e-3)
    return (
        [*((at, flops / best) for _, at, best in known), (seconds, one.gflops)],
        [*((count, flops / best) for count, _, best in known), (trials, one.gflops)],
    )


def trace(
    one: TrialResult, points: Sequence[tuple[float, float]], colour: str, named: bool
) -> go.Scatter:
    return go.Scatter(
        x=[x for x, _ in points],
        y=[y for _, y in points],
        name=one.contender,
        legendgroup=one.contender,
        showlegend=named,
        mode="lines+markers",
        line={"shape": "hv", "color": colour},
        marker={"size": [4] * (len(points) - 1) + [10]},
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
