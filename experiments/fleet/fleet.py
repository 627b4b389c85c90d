"""A sweep over nodes that replay, and a fleet that is simulated; see README.md."""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import psutil

from tests.harness.cluster.simulated_fleet import SimulatedFleet, TimedPool, many_units
from tests.soak.replayed_sweep import sweep


def simulated(nodes: int, slots: int, count: int) -> dict[str, float]:
    """Units of 30 to 90 s; figures are of turns of the driver, one event each."""
    rng = random.Random(0)
    fleet = SimulatedFleet(nodes, slots, lambda unit: rng.uniform(30, 90))
    pool = TimedPool(fleet, lambda event: None)
    for unit in many_units(count):
        pool.submit(unit)
    begin, clock = fleet.clock, time.process_time()
    answered = Counter(unit.key for unit, _ in pool.outcomes())
    assert len(answered) == count == answered.total()
    ended = sorted(pool.ended)
    busy = sum(machine.busy for machine in fleet.machines.values())
    return {
        "nodes": nodes,
        "slots": slots,
        "units": count,
        "mean_ms": statistics.fmean(ended) * 1e3,
        "p99_ms": ended[int(0.99 * len(ended))] * 1e3,
        "most_ms": ended[-1] * 1e3,
        "all_ms_a_unit": pool.spent / count * 1e3,
        "busy": busy / (nodes * slots * (fleet.clock - begin)),
        "virtual_s": fleet.clock - begin,
        "s": time.process_time() - clock,
        "mib": psutil.Process().memory_info().rss / 2**20,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("sweep", "simulate"))
    parser.add_argument("--place", type=Path, default=Path("runs/fleet"), help="of the sweep")
    parser.add_argument("--nodes", type=int, default=16)
    parser.add_argument("--slots", type=int, default=16, help="of a simulated node")
    parser.add_argument("--units", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--scale", type=float, default=1.0, help="of the recorded seconds")
    parser.add_argument("--tracking", default="mlflow")
    chosen = parser.parse_args()
    if chosen.what == "simulate":
        print(json.dumps(simulated(chosen.nodes, chosen.slots, chosen.units)))
        return
    chosen.place.mkdir(parents=True, exist_ok=True)
    found = sweep(
        chosen.place,
        chosen.units,
        chosen.nodes,
        chosen.kills,
        chosen.scale,
        tracking=chosen.tracking,
        told=lambda line: print(line, flush=True),
    )
    print(json.dumps(asdict(found)))


if __name__ == "__main__":
    main()
