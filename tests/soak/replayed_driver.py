"""`polydl run` over a cluster whose nodes replay: recorded seconds are slept, records returned.

python -m tests.soak.replayed_driver SCALE OVERRIDES...

Everything but the measurement is the real thing: the plan, Ray's nodes and agents, slots and their
locks, the journal, MLflow, the page. Each record says that it is replayed, of what, and at which
share of the recorded seconds. Slots are of cores that no machine has: many nodes fit on one.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from compiler.problem.architecture import Architecture
from harness.choices import ArchitectureChoice, Exclusive
from harness.cli.run import measured
from harness.cli.signals import ended_by_signals
from harness.cluster.node import Share
from harness.cluster.pool import Node, Watch
from harness.cluster.ray_pool import RayPool
from harness.cluster.topology import Core, Topology
from harness.cluster.work import Work
from harness.kernel.toolchain import Toolchain
from harness.measure.slot import Slot
from harness.outside import json_of
from harness.plan import Plan
from harness.record.result import TrialResult
from harness.record.result_line import json_text, result_of
from harness.settings import Settings
from harness.trial import PreparedUnit, UnitOutcome
from harness.unit import Unit

RECORDED = Path(__file__).parents[2] / "experiments" / "fleet" / "recorded.jsonl"
FINGERPRINT = "replayed"  # of no machine: nothing is ever compared with it as with an equal


@dataclass(frozen=True)
class Recorded:
    """A trial that was measured once; `seconds` of wall time that its unit took on its slot."""

    result: TrialResult
    samples: tuple[dict[str, Any], ...]
    seconds: float


def recorded_trials(file: Path = RECORDED) -> tuple[Recorded, ...]:
    found = []
    for line in file.read_text().splitlines():
        held = json_of(line)
        result = result_of(json_text(held["result"]))
        begin, end = map(datetime.fromisoformat, (result.started, result.ended))
        found.append(Recorded(result, tuple(held["samples"]), (end - begin).total_seconds()))
    return tuple(found)


def prepare(unit: Unit, architecture: Architecture, toolchain: Toolchain) -> PreparedUnit:
    return PreparedUnit(unit, architecture, ())


def measure(
    recorded: Sequence[Recorded],
    scale: float,
    prepared: PreparedUnit,
    slot: Slot,
    toolchain: Toolchain,
) -> UnitOutcome:
    unit = prepared.unit
    one = recorded[int(unit.key, 16) % len(recorded)]
    begin = datetime.now(UTC)
    time.sleep(one.seconds * scale)
    end = datetime.now(UTC)
    of = f"replayed: {one.result.campaign} {one.result.trial} in {scale:g} of its time"
    results = tuple(
        replace(
            one.result,
            campaign=unit.campaign,
            trial=unit.trial(contender, FINGERPRINT),
            attempt=unit.attempt,
            problem=unit.problem.facts,
            contender=contender.name,
            kind=contender.kind,
            threads=unit.threads,
            speedup={},
            kernel=None,
            seed=unit.seed,
            cores=slot.cores,
            started=begin.isoformat(timespec="milliseconds"),
            ended=end.isoformat(timespec="milliseconds"),
            flags=(*one.result.flags, of),
            host={**one.result.host, "fingerprint": FINGERPRINT},
        )
        for contender in unit.contenders
    )
    return UnitOutcome(results, {result.trial: one.samples for result in results})


def described(
    name: str,
    share: Share,
    threads: int,
    choice: ArchitectureChoice,
    campaign: str,
    toolchain: Toolchain,
) -> Node:
    return Node(
        name=name,
        fingerprint=FINGERPRINT,
        architecture=Architecture("replayed", "any", 64, 32, peak=1.0),
        slots=len(share.slots(threads)),
        quality="exclusive",
        free_bytes=2**50,
        facts={"fingerprint": FINGERPRINT, "name": name},
    )


def share(cores: tuple[int, ...] | None, exclusive: Exclusive) -> Share:
    """The cores that the node's label names, whether there are such or not."""
    return Share(Topology(tuple(Core((core,)) for core in cores or ())), (), exclusive)


def open_replayed(scale: float, settings: Sequence[Settings], plan: Plan, watch: Watch) -> RayPool:
    first = settings[0]
    work = Work(prepare, partial(measure, recorded_trials(), scale), described, set, share)
    return RayPool(
        choice=first.cluster,
        architecture=first.architecture,
        threads=1,
        campaign=plan.campaign,
        cache=first.cache_folder,
        watch=watch,
        work=work,
    )


if __name__ == "__main__":
    os.nice(5)
    with ended_by_signals():
        sys.exit(measured(sys.argv[2:], partial(open_replayed, float(sys.argv[1]))))
