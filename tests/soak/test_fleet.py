"""A smaller one of experiments/fleet: real Ray nodes that replay, and a simulated fleet."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from tests.harness.cluster.simulated_fleet import SimulatedFleet, TimedPool, many_units
from tests.soak.replayed_sweep import sweep
from tests.soak.simulated_sweep import simulated_sweep

pytestmark = pytest.mark.soak


@pytest.mark.timeout(1800)
def test_a_replayed_sweep_whose_nodes_agents_and_driver_are_killed(tmp_path: Path) -> None:
    found = sweep(tmp_path, units=300, nodes=4, kills=10, scale=0.2, seed=1)
    assert (found.ok, found.lost, found.doubled) == (300, 0, 0)
    assert found.starts == 2  # the driver was killed once
    assert 0 < found.busy <= found.driven <= 1


@pytest.mark.timeout(1800)
def test_a_simulated_fleet_of_a_thousand_nodes() -> None:
    rng = random.Random(0)
    fleet = SimulatedFleet(1000, 16, lambda unit: rng.uniform(30, 90))
    pool = TimedPool(fleet, lambda event: None)
    units = Counter[str]()
    for unit in many_units(100_000):
        units[unit.key] += 1
        pool.submit(unit)
    assert Counter(unit.key for unit, _ in pool.outcomes()) == units


def test_what_a_sweep_loses_by_kills_alone() -> None:
    quiet = simulated_sweep(4_000, nodes=16, kills=0, back=0.0)
    struck = simulated_sweep(4_000, nodes=16, kills=20, back=0.0)
    again = simulated_sweep(4_000, nodes=16, kills=20, back=30.0)
    assert quiet.driven == quiet.busy > struck.driven == struck.busy > again.busy
    assert struck.driven == again.driven > 0.9
