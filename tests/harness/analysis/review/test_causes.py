"""The likely cause of a loss: one rule each, and silence where nothing is lost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harness.analysis.review.causes import bound_told, cause, model_told, noise_told
from harness.record.result import NOT_VECTORISED, Estimate, Seconds, Speedup, TrialResult
from tests.harness.record.results import baseline_result, strategy_result

RIVAL = baseline_result(gflops=180.5)
ESTIMATE = Estimate(0.00127, "L2", {"compute": 0.0009, "L2": 0.00114}, {"L2": 3.5e6})


def behind(ratio: float = 0.9, verdict: str = "slower", **changes: Any) -> TrialResult:
    speedup = Speedup(ratio, (ratio - 0.01, ratio + 0.01), verdict, 0.01)  # type: ignore[arg-type]
    held: dict[str, Any] = {"estimate": ESTIMATE, "predicted_ratio": 0.98}
    return strategy_result(speedup={"onednn": speedup}, **{**held, **changes})


@pytest.mark.parametrize(
    ("result", "told"),
    [
        (behind(), "traffic of 3.5 MB from L2, as the model expects: onednn reuses more"),
        (behind(predicted_ratio=0.5), "the kernel takes 100 % longer than its model says"),
        (behind(estimate=None), "unknown: the record holds no estimate"),
        (behind(flags=(NOT_VECTORISED,)), "not vectorised"),
        (behind(estimate=replace(ESTIMATE, bound="compute")), "bound by the FMA units"),
        (behind(estimate=replace(ESTIMATE, bound="overhead")), "bound by what runs beside"),
        (behind(0.97, "inconclusive"), "not decided: the difference is below 1 %"),
    ],
)
def test_each_rule(result: TrialResult, told: str) -> None:
    assert cause(result, RIVAL, []).startswith(told)


def test_noise_goes_before_every_other_cause() -> None:
    withheld = Speedup(0.9, (0.88, 0.92), "inconclusive", 0.3, "slower by its interval, but ...")
    told = cause(replace(behind(), speedup={"onednn": withheld}), RIVAL, [])
    assert told == "slower by its interval, withheld: noise: loud, 30 % of the samples disturbed"
    loud = Speedup(0.97, (0.9, 1.02), "inconclusive", 0.15)
    assert "noise: some, 15 %" in cause(replace(behind(), speedup={"onednn": loud}), RIVAL, [])
    quiet = replace(loud, noise=0.0)
    assert "includes 1" in cause(replace(behind(), speedup={"onednn": quiet}), RIVAL, [])


def test_a_sibling_with_a_faster_schedule_is_the_cause() -> None:
    seconds = Seconds(0.001, 0.001, (0.001, 0.001), 60)
    other = strategy_result(contender="top_k", schedule="scalar/order:b", seconds=seconds, rank=7)
    told = "the choice of schedule: top_k found one 28 % faster, ranked 7"
    assert cause(behind(), RIVAL, [other]) == told
    same = replace(other, schedule=behind().schedule)
    assert cause(behind(), RIVAL, [same]).startswith("traffic")


def test_a_baseline_above_the_peak_computes_less() -> None:
    padding = baseline_result(gflops=210.0)
    assert cause(behind(), padding, []).startswith("onednn passes the measured peak")


@pytest.mark.parametrize(("ratio", "verdict"), [(1.1, "faster"), (0.995, "same")])
def test_who_does_not_lose_has_no_cause(ratio: float, verdict: str) -> None:
    assert cause(behind(ratio, verdict), RIVAL, []) == ""


def test_who_was_not_compared_has_no_cause() -> None:
    assert cause(strategy_result(speedup={}), RIVAL, []) == ""
    assert cause(behind(), None, []) == ""


def test_bound_model_and_noise_in_words() -> None:
    assert bound_told(behind()) == "bound by L2 (90 % of the estimate)"
    assert bound_told(behind(estimate=None)) == "bound unknown: no estimate was recorded"
    assert model_told(behind(predicted_ratio=0.88)) == "model off by 12 %, too fast"
    assert model_told(behind(predicted_ratio=1.12)) == "model off by 12 %, too slow"
    assert model_told(behind(predicted_ratio=1.001)) == "model exact within 0.5 %"
    assert model_told(behind(predicted_ratio=None, predicted_seconds=None)).startswith("no pred")
    assert model_told(behind(predicted_ratio=None)) == "model off by 14 %, too fast"  # 1.1 of 1.28
    assert noise_told(None) == "noise was not recorded"
