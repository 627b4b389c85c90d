from __future__ import annotations

import pytest

from harness.analysis.again import again_shares, drawn_shares
from harness.analysis.rank_quality import RANDOM, rank_quality
from tests.harness.record.results import strategy_result


def row(share: float, *roles: str) -> dict[str, object]:
    return {"roles": list(roles), "share": share, "ci95": [share - 0.01, share + 0.01]}


ROWS = [
    row(1.0, "fastest", "few roofline"),
    row(0.9, "first roofline", "drawn"),
    row(0.7, "drawn"),
    row(0.8, "top roofline", "first polydl", "few polydl"),
]


def test_a_choice_counts_with_its_second_time() -> None:
    found = again_shares(ROWS, "roofline")
    assert found is not None and found.top is not None
    assert (found.first.value, found.few.value, found.top.value) == (0.9, 1.0, 0.8)
    assert found.first.ci95 == pytest.approx((0.89, 0.91))


def test_a_ranking_without_a_second_time_has_no_share() -> None:
    assert again_shares(ROWS, "polydl_tree") is None and again_shares([], "roofline") is None
    found = again_shares(ROWS, "polydl")
    assert found is not None and found.top is None


def test_a_random_pick_is_the_mean_of_those_drawn() -> None:
    found = drawn_shares(ROWS)
    assert found is not None
    assert found.first.value == pytest.approx(0.8) and found.few.value == 0.9
    assert drawn_shares(ROWS[:1]) is None


def test_networks_have_geometric_means() -> None:
    candidates = [
        {"schedule": name, "measured": seconds, "places": {"roofline": place, "drawn": 3 - place}}
        for name, seconds, place in (("a", 1.0, 1), ("b", 2.0, 2))
    ]
    again = {"one": ROWS, "two": [row(0.4, "first roofline", "few roofline", "drawn")]}
    results = [strategy_result("x", trial="one"), strategy_result("y", trial="two")]
    found = rank_quality(results, lambda trial: candidates, again.__getitem__)
    (mean,) = (q for q in found.networks if q.ranking == "roofline")
    assert mean.again is not None
    assert mean.again.first.value == pytest.approx((0.9 * 0.4) ** 0.5)
    assert mean.again.top is not None and mean.again.top.value == 0.8
    (pick,) = (q for q in found.networks if q.ranking == RANDOM)
    assert pick.again is not None and pick.again.first.value == pytest.approx((0.8 * 0.4) ** 0.5)
    assert {q.ranking for q in found.problems} == {"roofline", RANDOM, "median"}
