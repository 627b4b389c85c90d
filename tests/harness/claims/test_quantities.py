"""Quantities of records whose figures are known: a made-up campaign, and the demo that is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.analysis.means import campaign_means
from harness.claims.quantities import QUANTITIES, Measured
from harness.claims.records import Records, Unanswered
from harness.options import options_from

DEMO = Path(__file__).parents[3] / "experiments/quickstart/zen5"


@pytest.fixture(scope="module")
def demo() -> Records:
    return Records.of(DEMO)


def measured(records: Records, quantity: str, **of: Any) -> Measured:
    found = QUANTITIES[quantity]
    return found.of(records, options_from(found.options, of, "of"))


def test_the_mean_is_that_of_the_campaigns_table(demo: Records) -> None:
    whole = campaign_means(demo.folder, demo.results)["top_k", "onednn"]
    found = measured(demo, "speedup", contender="top_k")
    assert found.problems == 10 and found.value == pytest.approx(whole.ratio)
    assert (found.low, found.high) == pytest.approx(whole.ci95, rel=2e-3)


def test_other_statistics_are_of_the_same_ratios(demo: Records) -> None:
    ratios = sorted(r.speedup["onednn"].ratio for r in demo.results if r.contender == "roofline")
    least = measured(demo, "speedup", statistic="least")
    assert least.value == pytest.approx(ratios[0]) and least.low <= least.value <= least.high
    middle = measured(demo, "speedup", statistic="median")
    assert middle.value == pytest.approx((ratios[4] + ratios[5]) / 2)
    assert measured(demo, "speedup", statistic="share", limit=0.95).value == 1
    share = measured(demo, "speedup", statistic="share", limit=1.03)
    assert share.value == sum(ratio >= 1.03 for ratio in ratios) / 10


def test_any_two_contenders_are_compared(demo: Records) -> None:
    found = measured(demo, "speedup", contender="top_k", baseline="roofline")
    assert 0.98 < found.low <= found.value <= found.high < 1.02


@pytest.mark.parametrize(
    ("of", "count"),
    [
        ({"primitives": ["matmul"]}, 2),
        ({"workloads": ["quickstart"], "without": ["resnet50_00"]}, 9),
        ({"problems": ["resnet50_00", "resnet50_02"]}, 2),
        ({"sizes": ["ic=64", "kh=3"]}, 1),
    ],
)
def test_problems_are_chosen(demo: Records, of: dict[str, Any], count: int) -> None:
    assert measured(demo, "speedup", **of).problems == count


def test_rates_verdicts_statuses_and_searches(demo: Records) -> None:
    rate = measured(demo, "rate", problems=["resnet50_03"])
    assert rate.low <= rate.value <= rate.high and 200 < rate.value < 300
    counts = [measured(demo, "verdicts", verdict=v).value for v in ("faster", "same", "slower")]
    assert sum(counts) == 10 and counts[2] == 0
    assert measured(demo, "statuses", status="ok").value == 30
    assert measured(demo, "statuses", contenders=["top_k"], status="ok").value == 10
    assert 0 < measured(demo, "search").value < measured(demo, "search", contender="top_k").value
    ranked = measured(demo, "ranked")
    assert 1000 < ranked.low < ranked.value < ranked.high and ranked.problems == 10


def test_figures_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    file.write_text('{"cpu": "some", "a": {"b": 0.25, "c": "text"}}')
    records = Records.of(file)
    assert measured(records, "figure", key="a.b") == Measured(0.25, 0.25, 0.25, 0)
    assert records.cpus == ("some",)
    for key in ("a.c", "a.d", "a", ""):
        with pytest.raises(Unanswered):
            measured(records, "figure", key=key)


@pytest.mark.parametrize(
    ("quantity", "of", "told"),
    [
        ("speedup", {"contender": "polydl"}, "no trial of polydl is recorded"),
        ("speedup", {"problems": ["nowhere"]}, "none of its problems is recorded"),
        ("rate", {}, "name one in problems"),
        ("verdicts", {"baseline": "autotvm"}, "roofline was not compared with autotvm"),
        ("ranking", {}, "no candidates of survey that roofline ranks were measured again"),
        ("ranking", {"again": False}, "no candidates of survey that roofline ranks were measured"),
        ("solution", {}, "roofline was not measured beside autotvm"),
        ("statuses", {"contenders": ["polydl"]}, "no trial of polydl is recorded"),
        ("contradictions", {"other": "nowhere"}, "not recorded yet"),
        ("ranked", {"contender": "onednn"}, "onednn ranks nothing"),
    ],
)
def test_what_records_do_not_tell(
    demo: Records, quantity: str, of: dict[str, Any], told: str
) -> None:
    with pytest.raises(Unanswered, match=told):
        measured(demo, quantity, **of)


def test_nothing_contradicts_itself(demo: Records) -> None:
    found = measured(demo, "contradictions", contenders=["roofline", "top_k"], other=DEMO.name)
    assert (found.value, found.problems) == (0, 20)
    assert str(found) == "0"


def test_figures_are_told_with_their_ends() -> None:
    assert str(Measured(1.0312, 1.02, 1.04, 3)) == "1.03 [1.02 1.04]"
    assert str(Measured(0.0034, 0.002, 0.01, 3)) == "0.0034 [0.0020 0.0100]"
    assert str(Measured(270.4, 268.0, 271.6, 1)) == "270 [268 272]"
