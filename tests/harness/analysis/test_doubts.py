from __future__ import annotations

from harness.analysis.doubts import Noisy, noisy_trials, withheld_verdicts, without_choice
from harness.analysis.groups import problems_of
from harness.record.result import NOT_VECTORISED, ONLY_CANDIDATE, Speedup
from tests.harness.record.results import baseline_result, strategy_result


def test_a_comparison_counts_with_the_noisier_side() -> None:
    withheld = Speedup(1.5, (1.4, 1.6), "inconclusive", 0.5, "faster by its interval")
    problems = problems_of(
        [
            strategy_result("a", noise=0.05, speedup={"onednn": withheld}),
            baseline_result("a", noise=0.6),
            strategy_result("b", noise=0.09, speedup={}),
            strategy_result("c", noise=0.9, status="failed"),
        ]
    )
    assert noisy_trials(problems) == (Noisy("a", "onednn", 0.6), Noisy("a", "roofline", 0.5))
    assert withheld_verdicts(problems) == 1


def test_strategies_that_had_nothing_to_choose_from() -> None:
    problems = problems_of(
        [strategy_result("a", flags=(ONLY_CANDIDATE,)), strategy_result("b", flags=("noise",))]
    )
    assert without_choice(problems) == {NOT_VECTORISED: [], ONLY_CANDIDATE: [("a", "roofline")]}
