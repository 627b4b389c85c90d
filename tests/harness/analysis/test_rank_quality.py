"""The statistics against cases worked out by hand, and the intervals against scipy's resamples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from math import sqrt

import numpy as np
import pytest
import scipy

from harness.analysis.rank_quality import (
    CHANCES,
    MEDIAN,
    MOST_RESAMPLED,
    RANDOM,
    RankQuality,
    Vector,
    chances,
    geometric_figure,
    kendall,
    mean_figure,
    quality,
    rank_quality,
    resamples,
    rho_draws,
    spearman,
    tau_draws,
)
from harness.record.result import TrialResult
from tests.harness.record.results import strategy_result

Rows = list[dict[str, object]]


def of_network(result: TrialResult, network: str | None) -> TrialResult:
    return replace(result, problem={**result.problem, "workload": network})


def of(rows: dict[str, Rows]) -> Callable[[str], Rows]:
    """Candidates by trial id; those that were not kept are none."""
    return lambda trial: rows.get(trial, [])


def by(found: tuple[RankQuality, ...], label: str, ranking: str) -> RankQuality:
    (one,) = (q for q in found if (q.label, q.ranking) == (label, ranking))
    return one


def test_a_perfect_and_a_reversed_ranking() -> None:
    seconds = np.array([1.0, 2.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0])
    places = np.arange(1.0, 10.0)
    perfect, reverse = quality("a", "r", places, seconds), quality("a", "r", places[::-1], seconds)
    assert perfect.tau and perfect.rho and reverse.tau and reverse.rho and reverse.best_of_few
    assert (perfect.first.value, perfect.tau.value, perfect.rho.value) == pytest.approx((1, 1, 1))
    assert perfect.tau.ci95 == pytest.approx((1, 1))
    assert (reverse.first.value, reverse.best_of_few.value) == (0.1, 0.5)  # all but the 1 s one
    assert (reverse.tau.value, reverse.rho.value) == pytest.approx((-1, -1))


def test_equals_count_at_their_worst() -> None:
    # Places 1 1 3 ... 3 10: first is the slower of two; eight are both and the six slowest of seven
    seconds = np.array([4.0, 5.0, 2.0, 10.0, 8.0, 20.0, 11.0, 12.0, 13.0, 1.0])
    places = np.array([1.0, 1, 3, 3, 3, 3, 3, 3, 3, 10])
    found = quality("a", "r", places, seconds)
    assert found.first.value == pytest.approx(1 / 5)
    assert found.best_of_few is not None
    assert found.best_of_few.value == pytest.approx(1 / 4)  # the one of 2 s was taken last


def test_correlations_with_equals_by_hand() -> None:
    # Pairs of (1 1 2 3) against (10 20 10 30): 3 concordant, 1 discordant, one equal in each.
    places, seconds = np.array([1.0, 1, 2, 3]), np.array([10.0, 20, 10, 30])
    tau, rho = kendall(places, seconds), spearman(places, seconds)
    assert tau and rho
    assert tau.value == pytest.approx((3 - 1) / sqrt(5 * 5))
    # Ranks 1.5 1.5 3 4 against 1.5 3 1.5 4: covariance 2.25, both variances 4.5.
    assert rho.value == pytest.approx(2.25 / 4.5)


def test_nothing_correlates_with_what_is_all_the_same() -> None:
    same, varied = np.ones(4), np.arange(4.0)
    assert kendall(same, varied) is None and spearman(varied, same) is None
    found = quality("a", "r", same, varied + 1)
    assert (found.tau, found.rho) == (None, None)
    assert found.first.value == pytest.approx(1 / 4)


@pytest.mark.parametrize(("draws", "figure"), [(tau_draws, "kendalltau"), (rho_draws, "spearmanr")])
def test_a_draw_is_the_figure_of_the_candidates_drawn(
    draws: Callable[[Vector, Vector, Vector], Vector], figure: str
) -> None:
    own = getattr(scipy.stats, figure)  # which takes half a second to load
    rng = np.random.default_rng(7)
    places = rng.integers(1, 8, size=30).astype(float)
    seconds = np.round(places + 5 * rng.random(30), 1)
    weights = resamples(30)[:20]
    for draw, weight in zip(draws(places, seconds, weights), weights, strict=True):
        taken = np.repeat(np.arange(30), weight.astype(int))
        assert draw == pytest.approx(own(places[taken], seconds[taken]).statistic)


def test_intervals_hold_the_value_and_narrow_with_more_candidates() -> None:
    rng = np.random.default_rng(3)
    widths = []
    for count in (20, 200):
        places = np.arange(count, dtype=float)
        tau = kendall(places, places + count * rng.random(count))
        assert tau is not None and tau.ci95 is not None
        assert tau.ci95[0] < tau.value < tau.ci95[1]
        widths.append(tau.ci95[1] - tau.ci95[0])
    assert widths[1] < widths[0] / 2


def test_chances_are_those_of_all_draws() -> None:
    seconds = np.array([1.0, 2.0, 2.5, 3.0, 4.0, 5.0, 8.0, 10.0, 11.0, 12.0])
    random, median = chances("a", seconds)
    speed = 1 / seconds
    assert random.first.value == pytest.approx(speed.mean())
    assert random.best_of_few is not None
    every = [max(speed[list(few)]) for few in combinations(range(10), 8)]
    assert random.best_of_few.value == pytest.approx(np.mean(every))
    assert (median.first.value, median.best_of_few) == (1 / 4.5, None)
    few, _ = chances("a", np.array([1.0, 2.0, 4.0]))
    assert few.best_of_few is not None and few.best_of_few.value == 1


def test_means_and_their_intervals() -> None:
    assert geometric_figure([0.5, 2.0]).value == pytest.approx(1.0)
    assert geometric_figure([0.5, 2.0]).ci95 == pytest.approx((0.5, 2.0))
    assert geometric_figure([0.7]).ci95 is None
    assert mean_figure([0.1, 0.3]).value == pytest.approx(0.2)
    assert mean_figure([0.25] * 5).ci95 == pytest.approx((0.25, 0.25))


def row(measured: float | None, **places: int) -> dict[str, object]:
    return {"measured": measured, "places": places, "candidates": 1000}


def test_a_campaign_by_problem_and_by_network() -> None:
    results = [
        of_network(strategy_result("a", "survey"), "net"),
        of_network(strategy_result("b", "survey"), "net"),
        of_network(strategy_result("c", "survey"), None),
        strategy_result("d", "roofline"),
    ]
    candidates: dict[str, Rows] = {
        "a-survey": [row(1.0, x=1, y=30), row(2.0, x=20, y=2), row(None, x=3, y=1)],
        "b-survey": [row(2.0, x=4, y=4), row(1.0, x=9, y=9)],
        "c-survey": [row(1.0, x=4, y=9), row(4.0, x=9, y=4)],
        "d-roofline": [{"measured": 1.0, "rank": 0}],
    }
    found = rank_quality(results, of(candidates))
    assert [q.label for q in found.problems] == ["a"] * 4 + ["b"] * 4 + ["c"] * 4
    assert by(found.problems, "a", "x").first.value == 1
    assert by(found.problems, "a", "y").first.value == 0.5  # the failed one is nobody's choice
    assert by(found.problems, "a", "x").count == 2
    assert [q.label for q in found.networks] == ["net"] * 4 + ["conv2d"] * 4
    net = by(found.networks, "net", "x")
    assert net.count == 2
    assert net.first.value == pytest.approx(sqrt(0.5))
    assert net.first.ci95 == pytest.approx((0.5, 1.0))
    assert net.tau is not None and net.tau.value == 0
    assert by(found.networks, "conv2d", "y").first.value == 0.25
    assert [q.ranking for q in found.networks[:4]] == ["x", "y", RANDOM, MEDIAN]
    assert by(found.networks, "net", MEDIAN).first.value == pytest.approx(1 / 1.5)


def test_rows_without_places_are_in_their_strategys_order() -> None:
    rows: Rows = [{"rank": n, "measured": s} for n, s in enumerate((2.0, 1.0, 4.0))]
    (found, *others) = rank_quality([strategy_result("a", "top_k")], of({"a-top_k": rows})).problems
    assert found.ranking == "top_k"
    assert found.first.value == 0.5
    assert found.tau is not None and found.tau.value == pytest.approx(1 / 3)
    assert tuple(q.ranking for q in others) == CHANCES


def test_two_surveys_of_a_problem_keep_their_names() -> None:
    results = [strategy_result("a", "one"), strategy_result("a", "two")]
    rows = [row(1.0, x=1), row(2.0, x=2)]
    found = rank_quality(results, of({"a-one": rows, "a-two": [*rows, row(0.5, x=9)]}))
    assert [q.ranking for q in found.problems] == ["x", "two x", *CHANCES]
    assert by(found.problems, "a", RANDOM).count == 3


def test_problems_are_told_from_those_that_were_judged_alone() -> None:
    """A sweep's unmeasured sizes give nobody a longer name; rows are asked for one by one."""
    sizes = [{"n": 1}, {"n": 2}]
    results = [
        replace(result, problem={**result.problem, "sizes": held}, trial=f"t{held['n']}")
        for held in sizes
        for result in [strategy_result("a", "s")]
    ]
    asked: list[str] = []

    def candidates(trial: str) -> Rows:
        asked.append(trial)
        return [row(1.0, x=1), row(2.0, x=2)] if trial == "t2" else []

    assert {q.label for q in rank_quality(results, candidates).problems} == {"a"}
    assert asked == ["t1", "t2"]


def test_the_mean_of_thousands_has_the_interval_that_resamples_approach() -> None:
    values = np.random.default_rng(3).uniform(0, 1, MOST_RESAMPLED)
    few, many = mean_figure(list(values)), mean_figure([*values, 0.5])
    assert few.ci95 is not None and many.ci95 is not None
    assert many.ci95 == pytest.approx(few.ci95, abs=0.001)
    assert many.ci95[0] < many.value < many.ci95[1]


def test_unlike_hosts_are_never_pooled() -> None:
    results = [
        replace(strategy_result("a", "s", host={"fingerprint": n}, node=n), trial=n) for n in "xy"
    ]
    found = rank_quality(results, of({n: [row(1.0, r=1), row(2.0, r=2)] for n in "xy"}))
    assert {q.label for q in found.networks} == {"conv2d node=x", "conv2d node=y"}
    assert {q.label for q in found.problems} == {"a node=x", "a node=y"}


def test_without_measured_candidates_there_is_nothing_to_judge() -> None:
    found = rank_quality([strategy_result()], of({}))
    assert (found.problems, found.networks) == ((), ())
