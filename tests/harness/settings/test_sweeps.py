"""Every form of a sweep is expanded, or refused in one line."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from harness.errors import SettingsError
from harness.settings import load_settings
from harness.settings.request import parsed
from harness.settings.sweeps import MOST_COMBINATIONS, combinations

GROUPS = {"primitive": ("conv1d", "conv2d", "matmul")}


def expanded(*texts: str, multirun: bool = True) -> list[tuple[str, ...]]:
    return combinations(parsed(texts), multirun, lambda group: GROUPS.get(group, ()))


def test_a_sweep_is_the_product() -> None:
    assert expanded("primitive=matmul", "primitive.sizes.n=256,512", "threads=1,2") == [
        ("primitive=matmul", f"primitive.sizes.n={n}", f"threads={t}")
        for n in (256, 512)
        for t in (1, 2)
    ]


@pytest.mark.parametrize(
    ("sweep", "values"),
    [
        ("threads=1,2", "1 2"),
        ("threads=choice(1,2)", "1 2"),
        ("threads=range(1,4)", "1 2 3"),
        ("threads=range(4,1,-2)", "4 2"),
        ("threads=range(0.5,2)", "0.5 1.5"),
        ("threads=sort(3,1,2)", "1 2 3"),
        ("threads=sort(range(3,1,-1))", "2 3"),
        ("threads=tag(a,b,choice(1,2))", "1 2"),
        ("threads=int(range(1.0,3.0))", "1 2"),
        ("threads=str(1),2", "1 2"),
        ("primitive=glob(conv*)", "conv1d conv2d"),
        ("primitive=glob(*,exclude=conv*)", "matmul"),
        ("primitive='conv1d','matmul'", "'conv1d' 'matmul'"),
        ("strategy=[a,b],[c]", "[a,b] [c]"),
        ("primitive.sizes={n:1},{n:2,m:3}", "{n:1} {n:2,m:3}"),
        ("primitive.stored.a=[[0,1],[1]],[]", "[[0,1],[1]] []"),
    ],
)
def test_forms_that_are_expanded(sweep: str, values: str) -> None:
    key = sweep.partition("=")[0]
    assert expanded(sweep) == [(f"{key}={value}",) for value in values.split(" ")]


def test_a_shuffle_leaves_out_nothing() -> None:
    for sweep in ("threads=shuffle(1,2,3)", "threads=shuffle(range(1,4))"):
        assert sorted(expanded(sweep)) == [("threads=1",), ("threads=2",), ("threads=3",)]


@pytest.mark.parametrize(
    ("sweep", "told"),
    [
        ("seed=1,2", "only primitive, workload, strategy, baseline, architecture, threads can be"),
        ("campaign.name=a,b", "not campaign"),
        ("~threads=1,2", "what is left out cannot be swept"),
        ("threads=interval(1,3)", "an interval cannot be enumerated; write range(...)"),
        ("threads=choice(choice(1,2),3)", "a sweep cannot be a value of another sweep"),
        ("threads=glob(*)", "matches no option; known: none, threads is no group"),
        ("primitive=glob(zzz*)", "matches no option; known: conv1d, conv2d, matmul"),
        ("threads=range(1,1)", "gives no value"),
        ("threads=range(2,1)", "gives no value"),
        ("threads=range(1,9,0)", "the step of a range must not be 0"),
        ("threads=range(1,inf)", "must be finite"),
        ("threads=range(nan,2)", "must be finite"),
        ("threads=range(1,1000000000000000000)", "999999999999999999 combinations; 50000 are"),
        ("threads=shuffle(range(1,1000000000000000000))", "999999999999999999 combinations"),
        ("threads=range(0,1,1e-300)", "combinations; 50000 are allowed"),
    ],
)
def test_forms_that_are_refused(sweep: str, told: str) -> None:
    with pytest.raises(SettingsError) as caught:
        expanded(sweep)
    assert told in str(caught.value)


def test_a_sweep_needs_its_option() -> None:
    with pytest.raises(SettingsError, match="'threads=1,2' is a sweep: add -m"):
        expanded("threads=1,2", multirun=False)


def test_a_product_is_counted_before_it_is_made() -> None:
    wide: Sequence[str] = [f"primitive.sizes.{size}=range(1,1001)" for size in "mnk"]
    with pytest.raises(SettingsError, match="the sweep has 1000000000 combinations; 50000 are"):
        expanded(*wide)
    assert len(expanded("threads=range(0,250)", "primitive.sizes.m=range(0,200)")) == (
        MOST_COMBINATIONS
    )


def test_a_glob_chooses_options_that_are_there() -> None:
    found = load_settings(["-m", "primitive=glob(depthwise_conv*)"])
    assert [one.problems[0].name for one in found] == [f"depthwise_conv{d}d" for d in (1, 2, 3)]


def test_problems_of_all_combinations_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.settings.MOST_PROBLEMS", 50)
    with pytest.raises(SettingsError, match="more than 50 problems are asked for"):
        load_settings(["-m", "workload=resnet50", "threads=1,2,3"])
    assert len(load_settings(["-m", "workload=resnet50", "threads=1,2"])) == 2
