from __future__ import annotations

from dataclasses import replace

from harness.analysis.groups import baselines_of, problems_of
from tests.harness.record.results import baseline_result, strategy_result


def test_problems_group_contenders_and_put_baselines_last() -> None:
    results = [baseline_result(), strategy_result(), strategy_result("conv_b")]
    first, second = problems_of(results)
    assert (first.label, second.label) == ("conv_a", "conv_b")
    assert [r.contender for r in first.results] == ["roofline", "onednn"]


def test_labels_tell_a_sweeps_problems_apart() -> None:
    wide = replace(
        strategy_result(), problem={**strategy_result().problem, "sizes": {"n": 1, "ic": 128}}
    )
    results = [strategy_result(), wide, replace(strategy_result(), threads=2)]
    labels = [problem.label for problem in problems_of(results)]
    assert labels == ["conv_a ic=64 threads=1", "conv_a ic=128 threads=1", "conv_a ic=64 threads=2"]


def test_a_baseline_that_is_only_compared_with_is_named() -> None:
    assert baselines_of([strategy_result()]) == ("onednn",)
    assert baselines_of([baseline_result(status="skipped")]) == ("onednn",)
