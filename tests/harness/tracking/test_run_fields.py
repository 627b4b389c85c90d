from __future__ import annotations

from math import inf, isfinite

import pytest

from harness.record.result import Seconds
from harness.tracking.run_fields import MOST_STEPS, Step, run_fields, safe_name
from tests.harness.record.results import baseline_result, strategy_result


def test_numbers_are_metrics_and_the_rest_parameters_and_tags() -> None:
    result = strategy_result(predicted_ratio=0.9, noise=0.02)
    fields = run_fields(result)
    assert fields.name == "conv_a roofline"
    assert fields.metrics["gflops"] == 191.25
    assert fields.metrics["share_of_peak"] == pytest.approx(191.25 / 198.0)
    assert fields.metrics["speedup.onednn"] == 1.06
    assert fields.metrics["speedup.onednn.ci95_low"] == 1.04
    assert fields.metrics["speedup.onednn.ci95_high"] == 1.08
    assert fields.metrics["predicted_ratio"] == 0.9
    assert fields.metrics["noise"] == 0.02
    assert fields.metrics["tuning_seconds.total"] == 3.75
    assert fields.params["problem"] == "conv_a"
    assert fields.params["contender"] == "roofline"
    assert fields.params["sizes.ic"] == "64"
    assert fields.params["schedule"] == "order=ot.oh.ow/tile=oc:16"
    assert fields.tags["trial"] == "conv_a-roofline"
    assert fields.tags["verdict.onednn"] == "faster"
    assert "reason" not in fields.tags
    assert fields.ended is not None
    assert fields.started is not None
    assert fields.ended - fields.started == 10000


def test_what_the_ui_would_show_as_nothing_is_in_microseconds() -> None:
    metrics = run_fields(strategy_result()).metrics
    assert metrics["microseconds"] == pytest.approx(1280.0)
    assert metrics["microseconds.ci95_low"] == pytest.approx(1260.0)
    assert metrics["predicted_microseconds"] == pytest.approx(1100.0)
    assert not [name for name in metrics if name.startswith("seconds")]


def test_a_search_is_its_best_so_far() -> None:
    rows: list[dict[str, object]] = [
        {"at": 2.0, "best": 3e-6},
        {"at": 1.0, "best": 4e-6},
        {"rank": 1},
        {"at": 3.0},
    ]
    assert run_fields(strategy_result(), rows).steps == (Step(1, 1.0, 4.0), Step(2, 2.0, 3.0))
    many = [{"at": float(n), "best": 1.0 / n} for n in range(1, 1002)]
    steps = run_fields(strategy_result(), many).steps
    assert len(steps) <= MOST_STEPS and steps[-1].number == 1001
    assert [step.number for step in steps[:2]] == [3, 6]


def test_infinities_are_left_out() -> None:
    result = strategy_result(gflops=inf, seconds=Seconds(0.1, 0.1, (0.0, inf), 2))
    metrics = run_fields(result).metrics
    assert all(map(isfinite, metrics.values()))
    assert "gflops" not in metrics


def test_names_and_values_are_what_mlflow_takes() -> None:
    result = baseline_result(
        problem={"name": "x", "sizes": {"a/../b": 1, **{f"s{i}": i for i in range(150)}}},
        reason="y" * 9000,
        versions={"g++": "12"},
    )
    fields = run_fields(result)
    assert len(fields.params) == 100
    assert fields.tags["version.g__"] == "12"
    assert len(fields.tags["reason"]) == 5000
    assert fields.started is not None
    assert run_fields(baseline_result(started="")).started is None
    assert safe_name("a/../b:c") == "a_.._b_c"
