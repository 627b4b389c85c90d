"""What the compiler makes of one problem, as one HTML page that opens from disk."""

from __future__ import annotations

from harness.analysis.explained import Explanation
from harness.report.explain import (
    document,
    estimate_parts,
    fusion_line,
    intermediate_line,
    ranking_rows,
    ranking_unit,
)
from harness.report.pages import page


def as_html(one: Explanation) -> str:
    """The facts of the JSON form, all of the ranked schedules among them."""
    headings, *rows = ranking_rows(one.ranked)
    estimate = one.shown.estimate
    return page(
        "explain.html",
        **document(one),
        unit=ranking_unit(one.ranked),
        headings=headings,
        rows=rows,
        fused=[fusion_line(fusion) for fusion in one.shown.fusions],
        between=[intermediate_line(found) for found in one.shown.intermediates],
        estimates=[] if estimate is None else estimate_parts(estimate, one.architecture),
    )
