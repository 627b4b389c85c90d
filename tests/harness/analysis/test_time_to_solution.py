"""What a speed cost to find, beside baselines that tune."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from harness.analysis.time_to_solution import best_so_far, solutions_of
from harness.record.result import Seconds, Speedup, TrialResult, TuningSeconds
from harness.report.tables import render_campaign
from tests.harness.record.results import baseline_result, strategy_result

SLOWER = Speedup(0.9, (0.88, 0.92), "slower")
FASTER = Speedup(1.2, (1.1, 1.3), "faster")


def tuner(problem: str, median: float = 2e-3) -> TrialResult:
    return replace(
        baseline_result(problem),
        contender="autotvm",
        trial=f"{problem}-autotvm",
        seconds=Seconds(median, median, (median, median), 10),
        tuning_seconds=TuningSeconds(measure=380.0),
        versions={"tuner": "xgb, 200 trials"},
    )


def searched(problem: str, speedup: Speedup) -> TrialResult:
    return strategy_result(
        problem, speedup={"autotvm": speedup}, tuning_seconds=TuningSeconds(1.0, 2.8)
    )


def test_the_share_of_the_seconds_counts_where_the_speed_is_reached() -> None:
    ours, theirs, onednn = solutions_of(
        [searched("conv", FASTER), tuner("conv"), baseline_result("conv")]
    )
    assert ours.against["autotvm"].reached
    assert ours.against["autotvm"].share == 0.01
    assert theirs.against == {}
    assert theirs.tuner == "xgb, 200 trials"
    assert onednn.seconds is None
    assert onednn.against["autotvm"].share is None
    assert onednn.against["autotvm"].ratio == 2e-3 / 1.28e-3  # never paired: of the medians


def test_a_slower_one_has_not_reached_it() -> None:
    ours, _ = solutions_of([searched("conv", SLOWER), tuner("conv")])
    assert not ours.against["autotvm"].reached


def test_without_a_tuner_there_is_nothing_to_say() -> None:
    assert solutions_of([strategy_result("conv"), baseline_result("conv")]) == ()
    assert "time to solution" not in render_campaign([strategy_result("conv")])


def test_the_table_says_both() -> None:
    earlier = replace(searched("gemm", SLOWER), flags=("compile cached",))
    results = [searched("conv", FASTER), tuner("conv"), earlier, tuner("gemm")]
    text = render_campaign(results)
    rows = [line.split() for line in text[text.index("time to solution") :].splitlines()]
    ours = [row for row in rows if "roofline" in row]
    assert ours[0][-3:] == ["1.20", "in", "1/100"]
    assert ours[1][-3:] == ["0.90,", "not", "reached"]
    assert "autotvm: xgb, 200 trials" in text
    assert "3.8 s*" in text
    assert "* without compiling kernels that were cached" in text


def test_the_best_so_far_falls() -> None:
    rows: list[Mapping[str, object]] = [
        {"at": 3.0, "measured": 5.0, "best": 4.0},
        {"at": 1.0, "measured": None, "best": None},
        {"at": 2.0, "measured": 4.0, "best": 4.0},
        {"at": 4.0, "measured": 3.0, "best": 3.0},
        {"at": None, "measured": None, "best": None},
    ]
    assert best_so_far(rows) == [(2, 2.0, 4.0), (3, 3.0, 4.0), (4, 4.0, 3.0)]
