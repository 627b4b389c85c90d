from __future__ import annotations

from harness.analysis.history import history, steps
from harness.analysis.intervals import Interval
from harness.analysis.recorded import Recorded
from tests.harness.analysis.past import campaign, changed


def points(*values: float | None) -> tuple[Interval | None, ...]:
    """Each known to 1 %."""
    return tuple(None if v is None else Interval(v, 0.99 * v, 1.01 * v) for v in values)


def found(*values: float | None) -> list[tuple[int, float, bool]]:
    return [(s.at, round(s.ratio.value, 2), s.confirmed) for s in steps(points(*values))]


def test_a_level_has_no_steps() -> None:
    assert found(1.0, 1.01, 0.99, 1.0, 1.02) == found(1.0) == found() == []


def test_a_step_is_confirmed_by_the_next_campaign() -> None:
    assert found(1.0, 1.0, 0.9, 0.9) == [(2, 0.9, True)]
    assert found(1.0, 1.0, 0.9) == [(2, 0.9, False)]
    assert found(1.0, 1.0, 1.2, 1.2, 1.0, 1.0) == [(2, 1.2, True), (4, 0.83, True)]


def test_a_campaign_that_was_disturbed_is_none() -> None:
    assert found(1.0, 1.0, 0.8, 1.0, 1.0) == []
    assert found(1.0, 0.8, 1.2, 1.0) == []


def test_gaps_are_passed_over() -> None:
    assert found(1.0, None, 1.0, 0.9, None, 0.9) == [(3, 0.9, True)]
    assert found(None, None) == []


def test_changes_within_the_threshold_are_none() -> None:
    assert found(1.0, 0.975, 0.975) == []
    narrow = tuple(Interval(v, 0.999 * v, 1.001 * v) for v in (1.0, 0.975, 0.975))
    assert [s.at for s in steps(narrow, threshold=0.01)] == [1]


def past() -> list[Recorded]:
    """Five campaigns; the third is the first with a slower roofline, and the machine drifts."""
    return [
        campaign(
            f"run-{number}",
            slow={"roofline": 1.1} if number >= 2 else {},
            drift=1 + 0.02 * number,
            started=f"2026-01-0{number + 1}T00:00:00+00:00",
            host={"git_commit": f"c{number}"},
        )
        for number in range(5)
    ]


def test_the_campaign_where_a_contender_became_slower_is_marked() -> None:
    told = history(past()[::-1])  # in the order of their start, whatever they are given in
    assert [one.commit for one in told.campaigns] == ["c0", "c1", "c2", "c3", "c4"]
    by_contender = {(s.contender, s.problem): s for s in told.series}
    for problem in ("conv_a", "conv_b"):
        slowed = by_contender["roofline", problem]
        assert slowed.basis == "onednn" and [s.at for s in slowed.steps] == [2]
        assert slowed.change is not None and slowed.change.high < 0.97
        assert by_contender["top_k", problem].steps == ()
    (mean,) = (one for one in told.means if one.contender == "roofline")
    assert [s.at for s in mean.steps] == [2] and mean.problem == "geometric mean of 2"
    assert not told.newest.regressed  # it was slower before as well
    assert (told.newest.one.name, told.newest.other.name) == ("run-3", "run-4")


def test_missing_trials_leave_gaps() -> None:
    campaigns = past()
    campaigns[1] = changed(campaigns[1], "roofline", seconds=None, status="failed", speedup={})
    told = history(campaigns)
    slowed = [s for s in told.series if s.contender == "roofline"]
    assert all(s.points[1] is None and [x.at for x in s.steps] == [2] for s in slowed)
    assert {one.contender for one in told.means} == {"top_k", "onednn"}
