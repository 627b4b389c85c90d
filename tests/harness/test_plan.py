from __future__ import annotations

import pytest

from compiler.errors import ProblemError
from harness.errors import SettingsError
from harness.estimates import estimated_seconds
from harness.plan import planned
from harness.settings import load_settings
from tests.harness.campaigns import PLENTY, plan_from

FITTING = "scalar/order:m+n+k"


def names(*overrides: str) -> list[str]:
    return [unit.problem.name for unit in plan_from(*overrides).units]


def test_one_unit_for_each_problem() -> None:
    plan = plan_from("workload=resnet50", "strategy=[roofline,top_k]")
    assert len(plan.units) == 20
    assert plan.trials == 60
    assert plan.duplicates == 0
    assert plan.seconds == pytest.approx(sum(map(estimated_seconds, plan.units)))


def test_a_sweep_is_merged_by_problem() -> None:
    plan = plan_from(
        "-m", "primitive=matmul", "primitive.sizes.n=64,128", "strategy=roofline,top_k"
    )
    assert [u.problem.name for u in plan.units] == ["matmul_n64", "matmul_n128"]
    for unit in plan.units:
        assert [c.name for c in unit.contenders] == ["roofline", "top_k", "onednn"]
    assert plan.duplicates == 2  # the baseline of each problem


def test_equal_problems_of_two_workloads_are_one() -> None:
    plan = plan_from("workload=[quickstart,resnet50]", "baseline=[]")
    assert len(plan.units) == 22
    assert plan.duplicates == 8


def test_threads_make_units_of_their_own() -> None:
    plan = plan_from("-m", "primitive=matmul", "threads=1,2")
    assert [(u.problem.name, u.threads) for u in plan.units] == [("matmul", 1), ("matmul", 2)]


def test_sizes_that_follow_others_are_not_in_names() -> None:
    swept = ["-m", "primitive=conv2d", "primitive.sizes.stride=1,2"]
    assert names(*swept) == ["conv2d_stride1", "conv2d_stride2"]
    assert names("-m", "primitive=conv2d", "primitive.sizes.stride_h=1,2") == [
        "conv2d_stride_h1",
        "conv2d_stride_h2",
    ]
    (unit, _) = plan_from(*swept).units
    assert "stride_h" not in unit.problem.stated_sizes
    assert unit.problem.facts["sizes"] == dict(unit.problem.primitive.sizes)


def test_problems_that_differ_in_more_than_sizes_are_numbered() -> None:
    assert names("-m", "primitive=matmul", "primitive.stored.a=[0,1],[1,0]") == [
        "matmul",
        "matmul_2",
    ]


def test_one_label_for_two_contenders_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"labelled 'top_k'.*k=2.*k=4.*label="):
        plan_from("-m", "primitive=matmul", "strategy=top_k", "strategy.top_k.k=2,4")


def test_two_labels_are_two_contenders() -> None:
    (unit,) = plan_from(
        "primitive=matmul", "strategy=[roofline,top_k]", "strategy.top_k.label=top5"
    ).units
    assert [(c.name, c.method) for c in unit.strategies] == [
        ("roofline", "roofline"),
        ("top5", "top_k"),
    ]


def test_fixed_takes_a_schedule_or_a_recorded_one() -> None:
    for option in (f"schedule={FITTING}", f"from={FITTING}"):
        (unit,) = plan_from("primitive=matmul", "strategy=fixed", f"strategy.fixed.{option}").units
        assert unit.strategies[0].options == {"schedule": FITTING}


@pytest.mark.parametrize("text", ["nonsense", "scalar/order:a+b", "scalar/order:m+n", "scalar"])
def test_a_schedule_that_does_not_fit_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match=r"strategy\.fixed\.schedule"):
        plan_from("primitive=matmul", "strategy=fixed", f"strategy.fixed.schedule={text}")


def test_nothing_to_measure_is_refused() -> None:
    with pytest.raises(SettingsError, match="primitive=conv2d"):
        plan_from()
    with pytest.raises(SettingsError, match="no strategy and no baseline"):
        plan_from("primitive=matmul", "strategy=[]", "baseline=[]")


@pytest.mark.parametrize(
    ("sizes", "told"),
    [
        ("{ic: -1}", "ic must be"),
        ("{stride: 0}", "stride must be >= 1, got 0"),
        ("{ih: 1, kh: 5, pad_h: 0}", "empty output"),
        ("{ic: 1.5}", "ic must be an integer"),
    ],
)
def test_sizes_that_make_no_problem(sizes: str, told: str) -> None:
    with pytest.raises(ProblemError, match=told):
        plan_from("primitive=conv2d", f"primitive.sizes={sizes}")


def test_a_plan_of_a_large_sweep() -> None:
    settings = load_settings(["-m", "primitive=matmul", "primitive.sizes.n=range(1,41)"])
    plan = planned(settings, "many", PLENTY, str)
    assert len({unit.key for unit in plan.units}) == 40
