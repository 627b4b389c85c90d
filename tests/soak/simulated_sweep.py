"""The sweep of replayed_sweep.py with the same kills on a virtual clock: what the scheduler loses.

Recorded seconds pass, agents take 3 s to start, and nothing waits for a processor or for Ray: what
the slots are idle for here they are idle for on any machine.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from harness.cluster.cluster_pool import ClusterPool
from harness.cluster.patience import Patience
from tests.harness.cluster.simulated_fleet import SimulatedFleet, many_units
from tests.soak.replayed_driver import recorded_trials
from tests.soak.replayed_sweep import RETURNS_SECONDS, SLOTS, strikes_of

PATIENCE = Patience(attempts=5, silent=5.0)


@dataclass(frozen=True)
class Bound:
    """See replayed_sweep.Found."""

    driven: float
    busy: float


def simulated_sweep(units: int, nodes: int, kills: int, back: float, seed: int = 0) -> Bound:
    """`back` are the seconds from a driver's end to the first unit of the next one."""
    rng = random.Random(seed)
    strikes = strikes_of(units, kills, rng)
    recorded = [one.seconds for one in recorded_trials()]
    left = {unit.key: unit for unit in many_units(units)}
    worked = driven = waited = 0.0
    while left:
        fleet = SimulatedFleet(
            nodes, SLOTS, lambda unit: recorded[int(unit.key, 16) % len(recorded)]
        )
        pool = ClusterPool(fleet, PATIENCE, lambda event: None)
        begin = fleet.clock
        for unit in left.values():
            pool.submit(unit)
        for unit, _ in pool.outcomes():
            del left[unit.key]
            worked += recorded[int(unit.key, 16) % len(recorded)]
            if not strikes or units - len(left) < strikes[0].lines:
                continue
            kind = strikes.pop(0).kind
            if kind == "driver":
                waited += back
                break
            _strike(kind, fleet, rng)
        driven += fleet.clock - begin
    slots = nodes * SLOTS
    return Bound(worked / (slots * driven), worked / (slots * (driven + waited)))


def _strike(kind: str, fleet: SimulatedFleet, rng: random.Random) -> None:
    running = [machine for machine in fleet.machines.values() if machine.agent and machine.there]
    if not running:
        return
    if kind == "agent":
        fleet.kill_agent(rng.choice(running))
    else:
        fleet.kill_node(rng.choice(running), RETURNS_SECONDS)
