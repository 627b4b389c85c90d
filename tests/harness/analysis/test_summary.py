from __future__ import annotations

from collections import Counter

import pytest

from harness.analysis.groups import problems_of
from harness.analysis.summary import (
    gaps_of,
    gflops_interval,
    means_of,
    share_of_bandwidth,
    share_of_peak,
    verdict_counts,
)
from harness.record.result import RooflineFacts, Speedup
from tests.harness.record.results import baseline_result, strategy_result


def test_unlike_hosts_are_never_pooled() -> None:
    results = [
        strategy_result(node=node, host={"fingerprint": node * 2}) for node in ("x", "y", "x")
    ]
    assert [p.label for p in problems_of(results)] == ["conv_a node=x", "conv_a node=y"]
    assert [m.label for m in means_of(results)] == ["roofline node=x", "roofline node=y"]
    assert [m.counts["ok"] for m in means_of(results)] == [2, 1]


def test_means_are_geometric_and_stand_beside_the_counts() -> None:
    def at(name: str, ratio: float) -> Speedup:
        return Speedup(ratio, (ratio, ratio), "faster")

    results = [
        strategy_result("a", speedup={"onednn": at("a", 2.0)}),
        strategy_result("b", speedup={"onednn": at("b", 4.5)}),
        strategy_result("c", status="failed", speedup={}),
        baseline_result("a"),
    ]
    strategy, baseline = means_of(results, {("roofline", "onednn"): at("mean", 1.0)})
    assert strategy.ratios["onednn"] == pytest.approx(3.0)
    assert strategy.counts == {"ok": 2, "failed": 1}
    assert strategy.intervals["onednn"].ci95 == (1.0, 1.0)
    assert strategy.tuning_seconds == pytest.approx(3 * 3.75)
    assert (baseline.contender, baseline.ratios) == ("onednn", {})


def test_a_reason_is_told_once_and_failures_come_first() -> None:
    results = [
        baseline_result(name, status="skipped", reason="not\ninstalled")
        for name in ("a", "b", "c", "d")
    ]
    results.append(strategy_result("a", status="failed", stage="verify", reason="wrong"))
    told = [str(gap) for gap in gaps_of(problems_of(results))]
    assert told == [
        "roofline on a: failed (verify): wrong",
        "onednn on 4 problems: skipped: not installed",
    ]


def test_the_share_of_a_levels_bandwidth() -> None:
    """1.28 MB in 0.00128 s are 1 GB/s."""
    roofline = RooflineFacts(1e-5, "compute", 1e6, 1.28e6, "L2", 4.0)
    assert share_of_bandwidth(baseline_result(roofline=roofline)) == pytest.approx(0.25)
    older = RooflineFacts(1e-5, "compute", 1e6, 1.28e6, "L2")
    for lacking in ({}, {"roofline": older}, {"roofline": roofline, "seconds": None}):
        assert share_of_bandwidth(baseline_result(**lacking)) is None


def test_figures() -> None:
    result = baseline_result(threads=2)
    interval = gflops_interval(result)
    assert interval is not None
    assert interval == pytest.approx((180.5 * 0.00128 / 0.00131, 180.5 * 0.00128 / 0.00126))
    assert share_of_peak(result) == pytest.approx(180.5 / (2 * 198.0))
    assert share_of_peak(baseline_result(host={"peak_gflops": None})) is None
    assert gflops_interval(baseline_result(seconds=None)) is None


def test_verdicts_are_counted_by_baseline() -> None:
    results = [
        strategy_result("a"),
        strategy_result("b", speedup={"onednn": Speedup(0.5, (0.5, 0.5), "slower")}),
        strategy_result("c", status="failed", speedup={}),
        baseline_result("a"),
    ]
    first = strategy_result("a").speedup["onednn"].verdict
    assert verdict_counts(results) == {"onednn": Counter([first, "slower"])}
