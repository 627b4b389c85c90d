"""Pairs of campaigns: equal ones, one with a slowed contender, drift, other hosts, noise, gaps."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.analysis.comparison import Comparison, beside, beyond, compared
from harness.analysis.intervals import Interval
from harness.analysis.recorded import Recorded
from tests.harness.analysis.past import campaign, changed

BEFORE = campaign("before")


def verdicts(found: Comparison) -> dict[tuple[str, str], str | None]:
    return {(p.contender, p.problem): p.verdict for p in found.pairs}


def of(found: Comparison, contender: str) -> set[str | None]:
    return {pair.verdict for pair in found.pairs if pair.contender == contender}


def test_equal_campaigns_are_the_same() -> None:
    for seed in range(20):
        found = compared(BEFORE, campaign(f"again {seed}"))
        assert not found.regressed and not found.lost
        assert set(verdicts(found).values()) <= {"same", "inconclusive"}
        assert [mean.verdict for mean in found.means] == ["same"] * 3


@pytest.mark.parametrize("contender", ["roofline", "top_k"])
def test_a_contender_slowed_by_a_tenth_is_named_and_no_other(contender: str) -> None:
    found = compared(BEFORE, campaign("after", slow={contender: 1.1}))
    assert found.regressed
    assert {pair.contender for pair in found.regressions} == {contender}
    assert [mean.contender for mean in found.slower_means] == [contender]
    assert found.pairs[0].contender == contender and found.pairs[0].basis == "onednn"
    ratio = found.pairs[0].ratio
    assert ratio is not None and ratio.low < 1 / 1.1 < ratio.high
    assert of(compared(campaign("after", slow={contender: 1.1}), BEFORE), contender) == {"faster"}


def test_a_slowed_baseline_is_named() -> None:
    found = compared(BEFORE, campaign("after", slow={"onednn": 1.1}))
    assert {pair.contender for pair in found.regressions} == {"onednn"}
    assert {pair.basis for pair in found.regressions} == {"processes"}


def test_what_slows_the_machine_cancels() -> None:
    found = compared(BEFORE, campaign("after", drift=1.1))
    assert of(found, "roofline") | of(found, "top_k") | of(found, "onednn") == {"same"}
    both = compared(BEFORE, campaign("after", drift=1.1, slow={"onednn": 1.1}))
    assert {pair.contender for pair in both.regressions} == {"onednn"}


def test_what_a_contender_shares_with_the_least_moved_is_taken_off() -> None:
    def of_width(value: float) -> Interval:
        return Interval(value, 0.99 * value, 1.01 * value)

    def left(own: float, *others: float) -> float:
        return beside(of_width(own), map(of_width, others)).value

    assert left(0.9) == left(0.9, 1.1) == 0.9
    assert left(0.9, 0.9) == pytest.approx(1.0)
    assert left(0.8, 0.9, 0.5) == pytest.approx(0.8 / 0.9)
    assert left(0.95, 0.9) == pytest.approx(1.0)  # never beyond 1
    wider = beside(of_width(0.9), [of_width(0.9)])
    assert wider.high > 1.01 and wider.low < 0.99


def test_the_threshold_decides() -> None:
    after = campaign("after", slow={"roofline": 1.1})
    assert not compared(BEFORE, after, threshold=0.2).regressed
    assert beyond(Interval(0.96, 0.95, 0.97), 0.03) == "inconclusive"
    assert beyond(Interval(0.96, 0.95, 0.969), 0.03) == "slower"
    assert beyond(Interval(1.04, 1.031, 1.05), 0.03) == "faster"
    assert beyond(Interval(1.0, 0.97, 1.03), 0.03) == "same"
    assert beyond(Interval(0.99, 0.96, 1.0), 0.03) == "inconclusive"


def test_other_hosts_are_told_and_compared_by_their_own_times() -> None:
    found = compared(BEFORE, campaign("after", host={"fingerprint": "bb"}))
    assert not found.same_hosts and found.differences[0].aspect == "host"
    assert {pair.basis for pair in found.pairs} == {"processes"}


def test_another_version_of_the_baseline_is_no_common_one() -> None:
    after = changed(campaign("after"), "onednn", versions={"onednn": "9"})
    assert {pair.basis for pair in compared(BEFORE, after).pairs} == {"processes"}


def test_one_process_gives_no_verdict() -> None:
    def bare(one: Recorded) -> Recorded:
        return changed(changed(one, "onednn", processes=()), "onednn", seconds=None)

    def alone(one: Recorded) -> Recorded:
        results = [r for r in bare(one).results if r.kind == "strategy"]
        return replace(one, results=tuple(replace(r, processes=()) for r in results))

    found = compared(alone(BEFORE), alone(campaign("after", slow={"roofline": 2.0})))
    assert {pair.basis for pair in found.pairs} == {"times"}
    assert set(verdicts(found).values()) == {"inconclusive"} and not found.regressed
    assert found.means == ()


def test_noise_withholds_a_verdict() -> None:
    after = campaign("after", slow={"roofline": 1.1})
    noisy = compared(BEFORE, changed(after, "roofline", noise=0.5))
    assert of(noisy, "roofline") == {"inconclusive"} and not noisy.regressed
    (pair, _) = (p for p in noisy.pairs if p.contender == "roofline")
    assert pair.reason is not None and "50% of the samples" in pair.reason


def test_a_trial_without_a_figure_is_told_and_is_no_regression() -> None:
    after = changed(
        campaign("after"), "top_k", status="failed", reason="wrong", seconds=None, speedup={}
    )
    found = compared(BEFORE, after)
    assert [(p.contender, p.reason) for p in found.lost] == [("top_k", "failed: wrong")] * 2
    assert found.pairs[:2] == found.lost and not found.regressed
    assert not compared(after, BEFORE).lost


def test_trials_of_one_campaign_alone_are_listed() -> None:
    found = compared(BEFORE, campaign("after", problems=("conv_b", "conv_c")))
    assert {pair.problem for pair in found.pairs} == {"conv_b"}
    assert {r.problem["name"] for r in found.only_one} == {"conv_a"}
    assert {r.problem["name"] for r in found.only_other} == {"conv_c"}
    assert found.means == ()


def test_another_schedule_is_told() -> None:
    after = changed(campaign("after"), "top_k", schedule="another")
    found = compared(BEFORE, after)
    assert {p.contender for p in found.pairs if p.rescheduled} == {"top_k"}


def test_nothing_in_common() -> None:
    found = compared(BEFORE, Recorded("empty", ()))
    assert found.pairs == () and len(found.only_one) == 6 and not found.regressed
