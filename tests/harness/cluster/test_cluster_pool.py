"""The driver's loop over a fleet on a virtual clock."""

from __future__ import annotations

import random
import sys
from collections import Counter
from functools import partial
from types import FrameType

import pytest

from harness.cluster.cluster_pool import WAIT_SECONDS
from harness.cluster.pool import Event
from tests.harness.cluster.simulated_fleet import SimulatedFleet, TimedPool, many_units


def pool_of(fleet: SimulatedFleet, events: list[Event] | None = None) -> TimedPool:
    return TimedPool(fleet, events.append if events is not None else lambda event: None)


def test_nothing_is_lost_or_doubled_while_agents_and_nodes_die() -> None:
    rng = random.Random(7)
    fleet = SimulatedFleet(20, 4, lambda unit: rng.uniform(5, 20), kinds=2)
    events: list[Event] = []
    pool = pool_of(fleet, events)
    units = list(many_units(1500))
    for unit in units:
        pool.submit(unit)
    machines = list(fleet.machines.values())
    for kill in range(20):
        victim, after = rng.choice(machines), rng.uniform(5, 150)
        if kill % 2:
            fleet.at(fleet.clock + after, partial(fleet.kill_agent, victim))
        else:
            fleet.at(fleet.clock + after, partial(fleet.kill_node, victim, 30.0))
    got = Counter(unit.key for unit, _ in pool.outcomes())
    assert got == Counter(unit.key for unit in units)
    assert max(event.unit.attempt for event in events) > 1  # something was hit


def test_a_driver_that_stood_still_blames_nobody(caplog: pytest.LogCaptureFixture) -> None:
    fleet = SimulatedFleet(3, 2, lambda unit: 5.0)
    pool = pool_of(fleet)
    units = list(many_units(30))
    for unit in units:
        pool.submit(unit)
    ended = 0
    for _ in pool.outcomes():
        ended += 1
        if ended % 5 == 0:
            fleet.clock += 3600.0  # a disk that was full, a machine asleep
    assert ended == len(units)
    assert "quarantined" not in caplog.text


def test_a_unit_costs_the_driver_the_same_in_a_fleet_sixteen_times_as_large() -> None:
    def calls(nodes: int) -> float:
        """Of functions for each unit."""
        fleet = SimulatedFleet(nodes, 4, lambda unit: 20.0 + int(unit.key, 16) % 7)
        pool = pool_of(fleet)
        count = 0

        def counting(frame: FrameType, event: str, argument: object) -> None:
            nonlocal count
            count += event in ("call", "c_call")

        units = list(many_units(12 * nodes))
        for unit in units:
            pool.submit(unit)
        sys.setprofile(counting)
        try:
            assert len(list(pool.outcomes())) == len(units)
        finally:
            sys.setprofile(None)
        return count / len(units)

    assert calls(128) < 1.6 * calls(8)


def test_a_turn_without_answers_is_short() -> None:
    fleet = SimulatedFleet(2, 1, lambda unit: 1000.0)
    pool = pool_of(fleet)
    before = fleet.clock
    while not fleet.answers(WAIT_SECONDS):
        pool.turn(())
    assert fleet.clock - before < 2.0  # heartbeats were asked for meanwhile
