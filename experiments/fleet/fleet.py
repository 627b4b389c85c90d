"""A sweep over nodes that replay, and a fleet that is simulated; see README.md."""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil

from experiments.fleet.found import write_found
from tests.harness.cluster.simulated_fleet import SimulatedFleet, TimedPool, many_units
from tests.soak.replayed_sweep import sweep
from tests.soak.simulated_sweep import Bound, simulated_sweep

FILES = {"sweep": "sweep.json", "bound": "bound.json", "simulate": "turns.json"}
SIZES = ((10, 16, 5_000), (100, 16, 20_000), (1_000, 16, 40_000), (1_000, 16, 1_000_000))


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
        "turn_ms": statistics.fmean(ended) * 1e3,
        "turn_99_ms": ended[int(0.99 * len(ended))] * 1e3,
        "longest_ms": ended[-1] * 1e3,
        "unit_ms": pool.spent / count * 1e3,
        "busy": busy / (nodes * slots * (fleet.clock - begin)),
        "minutes": (fleet.clock - begin) / 60,
        "core_s": time.process_time() - clock,
        "mib": psutil.Process().memory_info().rss / 2**20,
    }


def turns(most: int) -> dict[str, Any]:
    """Of fleets of growing size, each in a process of its own; figures by nodes and units."""
    found: dict[str, Any] = {}
    rows: dict[str, list[str]] = {}
    for nodes, slots, units in (size for size in SIZES if size[2] <= most):
        command = [sys.executable, "-m", "experiments.fleet.fleet", "one"]
        command += [f"--nodes={nodes}", f"--slots={slots}", f"--units={units}"]
        run = subprocess.run(command, capture_output=True, text=True, check=True)
        one: Mapping[str, float] = json.loads(run.stdout)
        found[f"nodes_{nodes}_units_{units}"] = one
        cells = [f"{one[key]:.3g}" for key in ("turn_ms", "turn_99_ms", "longest_ms", "unit_ms")]
        more = [f"{100 * one['busy']:.1f} %", f"{one['mib']:.0f}", f"{one['core_s']:.0f}"]
        rows[f"{nodes:,} of {slots}, {units:,} units"] = [*cells, *more]
    return {**found, "rows": rows}


def bounds(units: int, nodes: int, kills: int) -> dict[str, Any]:
    """What the same sweep comes to on the virtual clock, by the seconds that a driver takes."""
    found: Mapping[float, Bound] = {
        back: simulated_sweep(units, nodes, kills, back) for back in (0.0, 15.0, 30.0, 60.0)
    }
    rows = {
        f"{back:g}": [f"{100 * one.driven:.1f} %", f"{100 * one.busy:.1f} %"]
        for back, one in found.items()
    }
    return {"rows": rows, "driven": found[0.0].driven}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("sweep", "bound", "simulate", "one"))
    parser.add_argument("--out", type=Path, help="what was found; default: a file beside this one")
    parser.add_argument("--place", type=Path, default=Path("runs/fleet"), help="of the sweep")
    parser.add_argument("--nodes", type=int, default=16)
    parser.add_argument("--slots", type=int, default=16, help="of a node of `one`")
    parser.add_argument("--units", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--scale", type=float, default=1.0, help="of the recorded seconds")
    parser.add_argument("--most", type=int, default=1_000_000, help="units of `simulate`")
    parser.add_argument("--tracking", default="mlflow")
    chosen = parser.parse_args()
    if chosen.what == "one":
        found: Mapping[str, Any] = simulated(chosen.nodes, chosen.slots, chosen.units)
    elif chosen.what == "simulate":
        found = turns(chosen.most)
    elif chosen.what == "bound":
        found = bounds(chosen.units, chosen.nodes, chosen.kills)
    else:
        chosen.place.mkdir(parents=True, exist_ok=True)
        whole = sweep(
            chosen.place,
            chosen.units,
            chosen.nodes,
            chosen.kills,
            chosen.scale,
            tracking=chosen.tracking,
            told=lambda line: print(line, flush=True),
        )
        found = {"scale": chosen.scale, **asdict(whole)}
    print(json.dumps(found))
    if chosen.what != "one":
        write_found(chosen.out or Path(__file__).with_name(FILES[chosen.what]), found)


if __name__ == "__main__":
    main()
