"""Answers in, orders out: no node, no clock."""

from __future__ import annotations

from dataclasses import replace

from harness.cluster.answers import Beat, Described, Fault, Heard, Measured, Prepared
from harness.cluster.members import Member
from harness.cluster.orders import Ask, Cancel, End, Finish, Measure, Order, Prepare, Start, Tell
from harness.cluster.patience import Patience, prepare_limit
from harness.cluster.scheduler import Scheduler
from harness.trial import UnitOutcome
from tests.harness.campaigns import NODE
from tests.harness.cluster.faults import tiny_units

OUTCOME = UnitOutcome(())
PATIENCE = Patience(attempts=2)


def kinds(orders: list[Order]) -> list[type]:
    return [type(order) for order in orders]


def opened(*names: str, patience: Patience = PATIENCE) -> Scheduler:
    scheduler = Scheduler(patience)
    scheduler.listed([Member(name, name, 1) for name in names], 0.0)
    assert kinds(scheduler.decide(0.0)) == [Start] * len(names)
    for name in names:
        scheduler.answered(Described(name, 1, replace(NODE, name=name)), 0.0)
    return scheduler


def test_a_unit_from_its_submission_to_its_outcome() -> None:
    scheduler = opened("a")
    (unit,) = tiny_units(1)
    attempt = (unit.key, 1)
    scheduler.submit(unit)
    (prepare,) = scheduler.decide(0.0)
    assert isinstance(prepare, Prepare) and prepare.node.name == "a"
    assert scheduler.decide(0.5) == []
    scheduler.answered(Prepared(attempt, None), 0.6)
    (measure,) = scheduler.decide(0.6)
    assert isinstance(measure, Measure) and measure.flight.unit is unit
    assert kinds(scheduler.decide(1.0)) == [Ask]
    scheduler.answered(Heard("a", 1, Beat({attempt: ""}, 1)), 1.1)
    (told,) = scheduler.decide(1.1)
    assert isinstance(told, Tell) and told.event.step == "measuring"
    scheduler.answered(Measured(attempt, OUTCOME), 1.5)
    assert scheduler.outstanding
    assert scheduler.decide(1.5) == [Finish(unit, OUTCOME)]
    assert not scheduler.outstanding
    scheduler.answered(Measured(attempt, OUTCOME), 1.6)  # late
    assert scheduler.decide(1.6) == []


def test_of_many_agents_each_is_asked_less_often_and_its_silence_noticed_all_the_same() -> None:
    patience = replace(PATIENCE, asked=1.5)
    assert [patience.beat_of(agents) for agents in (1, 3, 900)] == [1.0, 2.0, 2.5]
    scheduler = opened("a", "b", "c", patience=patience)
    assert scheduler.decide(1.9) == []
    assert kinds(scheduler.decide(2.0)) == [Ask] * 3
    assert kinds(scheduler.decide(12.1)) == [End] * 3


def test_what_an_agent_before_this_one_said_does_not_count() -> None:
    scheduler = opened("a")
    scheduler.answered(Heard("a", 1, Fault("agent", "killed")), 1.0)
    assert kinds(scheduler.decide(1.0)) == [End]
    assert kinds(scheduler.decide(2.0)) == [Start]  # after a second's rest
    scheduler.answered(Described("a", 1, NODE), 2.0)
    assert not any(site.open for site in scheduler.sites)
    scheduler.answered(Described("a", 2, NODE), 2.0)
    assert all(site.open for site in scheduler.sites)


def test_a_node_that_never_starts_rests_for_at_most_a_minute() -> None:
    scheduler = Scheduler(PATIENCE)
    scheduler.listed([Member("a", "a", 1)], 0.0)
    now = 0.0
    for agent in range(1, 1200):  # its strikes alone would double the rest beyond any number
        scheduler.decide(now)
        scheduler.answered(Described("a", agent, Fault("way", "no")), now)
        now += 60.0
    (site,) = scheduler.sites
    assert site.strikes == 1199 and site.rests_until <= now


def test_a_unit_that_two_sites_lost_is_given_up_and_others_of_them_go_elsewhere() -> None:
    scheduler = opened("a", "b")
    one, other = tiny_units(2)
    scheduler.submit(one)
    scheduler.decide(0.0)
    scheduler.answered(Prepared((one.key, 1), None), 0.1)
    (first,) = scheduler.decide(0.1)
    assert isinstance(first, Measure) and first.flight.site is not None
    lost_at = first.flight.site.name
    scheduler.submit(other)
    scheduler.answered(Measured((one.key, 1), Fault("agent", "killed")), 0.2)
    again = [order for order in scheduler.decide(0.2) if isinstance(order, Prepare)]
    assert [o.flight.unit.attempt for o in again if o.flight.unit.key == one.key] == [2]
    assert {o.flight.builder.name for o in again if o.flight.builder} == {"a", "b"} - {lost_at}
    scheduler.answered(Prepared((one.key, 2), Fault("way", "disk full")), 0.3)
    (finish,) = scheduler.decide(0.3)
    assert isinstance(finish, Finish)
    assert "gave up after 2 attempts" in str(finish.outcome.results[0].reason)


def test_what_prepares_for_too_long_is_cancelled_by_its_handle() -> None:
    scheduler = opened("a")
    (unit,) = tiny_units(1)
    scheduler.submit(unit)
    (prepare,) = scheduler.decide(0.0)
    assert isinstance(prepare, Prepare)
    prepare.flight.handle = "handle"
    scheduler.answered(Heard("a", 1, Beat({}, 1)), prepare_limit(unit))
    assert Cancel("handle") in scheduler.decide(prepare_limit(unit) + 0.1)
