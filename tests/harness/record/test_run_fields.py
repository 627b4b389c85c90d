from __future__ import annotations

from math import inf, isfinite

from harness.record.result import Seconds
from harness.record.run_fields import run_fields, safe_name
from tests.harness.record.results import baseline_result, strategy_result


def test_numbers_are_metrics_and_the_rest_parameters_and_tags() -> None:
    fields = run_fields(strategy_result())
    assert fields.name == "conv_a roofline"
    assert fields.metrics["gflops"] == 191.25
    assert fields.metrics["speedup.onednn"] == 1.06
    assert fields.metrics["speedup.onednn.ci95_low"] == 1.04
    assert fields.metrics["tuning_seconds.total"] == 3.75
    assert fields.params["sizes.ic"] == "64"
    assert fields.params["schedule"] == "order=ot.oh.ow/tile=oc:16"
    assert fields.tags["trial"] == "conv_a-roofline"
    assert fields.tags["verdict.onednn"] == "faster"
    assert "reason" not in fields.tags
    assert fields.ended is not None
    assert fields.started is not None
    assert fields.ended - fields.started == 10000


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
