"""workload=onnx: a network's problems as entries of the configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import SettingsError
from harness.plan import planned
from harness.settings import load_settings, recorded_problems
from tests.harness.onnx.models import model, node, saved


@pytest.fixture
def path(tmp_path: Path) -> Path:
    nodes = [
        node("Conv", "x w", "a"),
        node("Relu", "a", "b"),
        node("Conv", "b w", "c"),
        node("Relu", "c", "d"),
        node("Sign", "d", "e"),
        node("Softmax", "e", "y"),
    ]
    made = model(nodes, {"x": ("batch", 4, 6, 6)}, "y", {"w": (4, 4, 1, 1)})
    return saved(made, tmp_path)


def test_problems_stand_in_the_configuration(path: Path) -> None:
    (settings,) = load_settings(
        ["workload=onnx", f"workload.model={path}", "workload.dimensions={batch: 2}"]
    )
    assert [(p.name, p.spec["name"], p.count) for p in settings.problems] == [
        ("net_00", "conv2d_relu", 2),
        ("net_01", "softmax", 1),
    ]
    assert settings.problems[0].spec["sizes"]["n"] == 2
    workload = settings.resolved["workload"]
    assert workload["model"] is None and workload["dimensions"] == {}
    assert workload["network"] == {
        "file": "net.onnx",
        "nodes": 6,
        "nothing": 0,
        "left_out": [{"node": "e", "op": "Sign", "reason": "no primitive computes it"}],
    }
    assert recorded_problems(settings.resolved) == settings.problems
    plan = planned([settings], "test", 2**40, str)
    assert [unit.problem.facts["count"] for unit in plan.units] == [2, 1]


def test_among_others(path: Path) -> None:
    (settings,) = load_settings(
        [
            "workload=[resnet50,onnx]",
            f"workload.model={path}",
            "workload.dimensions.batch=1",
            "workload.select=[resnet50_03,net_00]",
        ]
    )
    assert [p.name for p in settings.problems] == ["resnet50_03", "net_00"]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ("workload=onnx", "workload=onnx needs an ONNX file: workload.model=FILE"),
        ("workload=resnet50 workload.model=x", "workload.model=x needs workload=onnx"),
        ("workload=resnet50 workload.dimensions.n=1", "workload.dimensions needs workload=onnx"),
        (
            "workload=onnx workload.model=x workload.dimensions.n=0",
            "workload.dimensions.n must be 1 to 2147483647, got 0",
        ),
    ],
)
def test_what_is_no_onnx_workload_is_refused(overrides: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(overrides.split())
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("count", [0, -1, True, "2", 10**10])
def test_counts_are_whole_numbers(count: object) -> None:
    (settings,) = load_settings(["workload=quickstart"])
    workload = settings.resolved["workload"]
    (name,) = workload["entries"]
    (first, *_) = workload["entries"][name]
    changed = {**workload, "entries": {name: [{**first, "count": count}]}}
    with pytest.raises(SettingsError, match="count must be 1 to"):
        recorded_problems({**settings.resolved, "workload": changed})
