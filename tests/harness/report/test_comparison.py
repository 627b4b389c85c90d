from __future__ import annotations

from harness.analysis.comparison import compared
from harness.analysis.history import history
from harness.report.comparison import (
    OTHER_HOSTS,
    comparison_grids,
    differences_grid,
    history_grid,
    pairs_grid,
    verdict_told,
)
from harness.report.grid import Grid, shown
from harness.report.terminal import as_text
from tests.harness.analysis.past import campaign, changed
from tests.harness.analysis.test_history import past
from tests.harness.report.hostile import hostile

BEFORE = campaign("before")


def told(*grids: Grid) -> str:
    return "".join(as_text(shown(grid)) for grid in grids)


def test_what_differs_is_told_before_any_ratio() -> None:
    text = told(*comparison_grids(compared(BEFORE, campaign("after", host={"fingerprint": "bb"}))))
    assert text.index(OTHER_HOSTS) < text.index("ratio [95 %]")
    assert text.index("fingerprint") < text.index("conv_a")
    same = told(differences_grid(compared(BEFORE, campaign("after"))))
    assert "nothing that is recorded" in same and OTHER_HOSTS not in same


def test_a_slower_contender_leads_and_is_named_at_the_end() -> None:
    found = compared(BEFORE, campaign("after", slow={"top_k": 1.1}))
    lines = told(pairs_grid(found)).splitlines()
    for row in lines[3:5]:
        assert row.split()[0] in ("conv_a", "conv_b") and row.split()[1] == "top_k"
        assert "slower" in row and "onednn" in row
    assert verdict_told(found).startswith("slower by more than 3%: top_k on conv_")
    assert verdict_told(found).endswith("top_k over 2 problems")
    assert verdict_told(compared(BEFORE, campaign("again"))) == (
        "no regression: no interval lies below 0.97"
    )


def test_gaps_and_reasons_are_told() -> None:
    after = changed(
        campaign("after", problems=("conv_b", "conv_c")),
        "top_k",
        status="failed",
        reason="wrong",
        seconds=None,
        speedup={},
    )
    text = told(pairs_grid(compared(BEFORE, after)))
    assert "failed: wrong" in text and "without a figure now: top_k on conv_b" in text
    assert "only in before: roofline on conv_a" in text
    assert "only in after: roofline on conv_c" in text


def test_a_history_marks_steps_with_their_commits() -> None:
    text = told(history_grid(history(past())))
    (row,) = (line for line in text.splitlines() if line.startswith("geometric") and "roof" in line)
    assert "at 3 (c2)" in row and "[" in row
    assert "3: run-2, 2026-01-03 00:00, c2" in text


def test_hostile_texts_are_cut_and_escaped() -> None:
    text = told(*comparison_grids(compared(hostile("a"), hostile("b"))))
    assert max(map(len, text.splitlines())) < 2000
    assert "\x1b" not in text and "\x00" not in text
