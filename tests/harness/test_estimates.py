from __future__ import annotations

from dataclasses import replace

import pytest

from compiler.problem.specification import primitive_from
from harness.errors import SettingsError
from harness.estimates import estimated_seconds, reference_bytes, tensor_bytes
from harness.unit import Contender
from tests.harness.campaigns import plan_from


def test_memory_is_refused_with_both_numbers() -> None:
    (unit,) = plan_from("primitive=matmul").units
    assert tensor_bytes(unit.problem.primitive) == 3 * 4 * 512 * 512
    with pytest.raises(
        SettingsError, match=r"matmul: its tensors take 0.4 GiB, .* 3.1 GiB, but 0.5 GiB .*free"
    ):
        plan_from("primitive=matmul", "primitive.sizes={m: 10000, n: 10000}", free_bytes=2**29)


def test_temporaries_take_no_memory_of_the_caller() -> None:
    primitive = primitive_from(
        {
            "name": "two_steps",
            "sizes": {"n": 5, "m": 7},
            "tensors": {"x": ["n", "m"], "t": ["n", "m"], "y": ["n"]},
            "temporary": ["t"],
            "statements": ["t[n,m] = exp(x[n,m])", "y[n] += t[n,m]"],
        }
    )
    assert tensor_bytes(primitive) == 4 * (5 * 7 + 5)
    assert reference_bytes(primitive) == 4 * (4 * 35 + 8 * (35 + 5))  # the reference's, it does


def test_a_tuner_takes_its_trials_or_its_budget_whichever_ends_first() -> None:
    def seconds(*options: str) -> float:
        chosen = ["primitive=matmul", "baseline=[autotvm]", *options]
        (unit,) = plan_from(*chosen).units
        return estimated_seconds(unit)

    few = seconds("baseline.autotvm.trials=4", "baseline.autotvm.budget_seconds=1000")
    more = seconds("baseline.autotvm.trials=44", "baseline.autotvm.budget_seconds=1000")
    short = seconds("baseline.autotvm.trials=44", "baseline.autotvm.budget_seconds=10")
    (untuned,) = plan_from("primitive=matmul", "baseline=[naive]").units
    assert more - few == pytest.approx(40 * 2.5)
    assert few == short == pytest.approx(estimated_seconds(untuned) + 10)


def test_what_is_timed_again_takes_its_time() -> None:
    def seconds(again: int) -> float:
        chosen = ["primitive=matmul", "strategy=survey", f"strategy.survey.again={again}"]
        (unit,) = plan_from(*chosen, "baseline=[]").units
        return estimated_seconds(unit)

    each = 3 * (0.3 + 10 * 0.025)  # processes, each begun and timed in five blocks and mirrors
    assert seconds(10) - seconds(0) == pytest.approx((10 + 9 + 5) * each)


def test_a_packages_strategy_may_call_its_options_as_it_likes() -> None:
    (unit,) = plan_from("primitive=matmul", "baseline=[]").units
    own = Contender("own", "strategy", "own", {"again": True})
    added = replace(unit, strategies=(*unit.strategies, own))
    assert estimated_seconds(added) > estimated_seconds(unit)
