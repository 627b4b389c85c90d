from __future__ import annotations

import pytest

from compiler.errors import ProblemError
from compiler.problem.specification import primitive_from
from harness.errors import SettingsError
from harness.plan import estimated_seconds, measure_settings, planned, reference_bytes, tensor_bytes
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


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"patience": 1}, "unknown key 'patience'; known: name, cache"),
        ({"processes": 1.5}, "measure.processes must be a whole number, got 1.5"),
        ({"cache": "tepid"}, "hot or cold"),
        ({"budget_seconds": -1.0}, "must be > 0"),
        ({"half_width": True}, "measure.half_width must be a number, got True"),
        ({"budget_seconds": "5"}, "measure.budget_seconds must be a number, got 5"),
        ({"processes": True}, "measure.processes must be a whole number, got True"),
        ({"name": 5}, "measure.name must be a text, got 5"),
    ],
)
def test_measure_settings_are_checked(options: dict[str, object], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        measure_settings(options)


def test_whole_numbers_may_stand_for_seconds() -> None:
    assert measure_settings({"budget_seconds": 2}).budget_seconds == 2


def test_a_plan_of_a_large_sweep() -> None:
    settings = load_settings(["-m", "primitive=matmul", "primitive.sizes.n=range(1,41)"])
    plan = planned(settings, "many", PLENTY, str)
    assert len({unit.key for unit in plan.units}) == 40
