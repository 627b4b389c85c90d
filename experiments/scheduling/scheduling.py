"""Prints what planning and scheduling cost, with measurements that only wait (see README.md)."""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from compiler.problem.architecture import Architecture
from harness import campaign
from harness.campaign import NoSink, Summary
from harness.choices import ArchitectureChoice
from harness.cli.progress import Progress
from harness.cluster.node import Share
from harness.cluster.pool import Node
from harness.cluster.ray_pool import RayPool
from harness.cluster.slots import lock_folder
from harness.cluster.topology import Core, Topology
from harness.cluster.work import Work
from harness.kernel.toolchain import Toolchain
from harness.measure.host import host_facts, versions
from harness.measure.slot import Slot
from harness.plan import Plan
from harness.record.result import Seconds, TrialResult
from harness.report.terminal import Terminal
from harness.settings import load_settings
from harness.trial import PreparedUnit, UnitOutcome
from harness.unit import Unit

FIRST = 100_000  # simulated cores are numbered from here, so that no lock of a real one is taken
EMPTY = 16  # simulated slots for units that take no time
MIB = 2**20


def prepare(unit: Unit, architecture: Architecture, toolchain: Toolchain) -> PreparedUnit:
    return PreparedUnit(unit, architecture, ())


def measure(
    seconds: float,
    facts: Mapping[str, object],
    prepared: PreparedUnit,
    slot: Slot,
    toolchain: Toolchain,
) -> UnitOutcome:
    """Waits, and leaves records of the usual size."""
    started = datetime.now(UTC)
    time.sleep(seconds)
    unit = prepared.unit
    return UnitOutcome(
        tuple(
            TrialResult(
                campaign=unit.campaign,
                trial=unit.trial(contender, str(facts["fingerprint"])),
                attempt=unit.attempt,
                problem=unit.problem.facts,
                contender=contender.name,
                kind=contender.kind,
                architecture=unit.architecture_name,
                threads=unit.threads,
                status="ok",
                gflops=1.0,
                seconds=Seconds(1.0, 1.0, (1.0, 1.0), 1),
                cores=slot.cores,
                started=started.isoformat(),
                ended=datetime.now(UTC).isoformat(),
                versions=versions(),
                host=facts,
            )
            for contender in unit.contenders
        )
    )


def described(
    name: str,
    share: Share,
    threads: int,
    choice: ArchitectureChoice,
    campaign: str,
    toolchain: Toolchain,
) -> Node:
    facts = host_facts()
    return Node(
        name=name,
        fingerprint=str(facts["fingerprint"]),
        architecture=Architecture("simulated", "any", 32, 16, peak=1.0),
        slots=len(share.slots(threads)),
        quality="exclusive",
        free_bytes=2**50,
        facts=facts,
    )


class Memory:
    """The most that this process held in memory while the block ran, over what it held before."""

    def __enter__(self) -> Memory:
        self._process = psutil.Process()
        self._before = self._most = self._process.memory_info().rss
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *fault: object) -> None:
        self._over.set()
        self._thread.join()
        self.grown = (self._most - self._before) / MIB

    def _watch(self) -> None:
        while not self._over.wait(0.1):
            self._most = max(self._most, self._process.memory_info().rss)


class Timed(Progress):
    """Progress that keeps when units began and when the last had ended."""

    def begins(self, plan: Plan, nodes: Sequence[Node]) -> None:
        super().begins(plan, nodes)
        self.began = self.ended = time.perf_counter()

    def finished(self, unit: Unit, results: Sequence[TrialResult]) -> None:
        super().finished(unit, results)
        self.ended = time.perf_counter()


def campaign_of(
    folder: Path,
    overrides: Sequence[str],
    slots: int,
    seconds: float,
    report: Callable[[str, str], None],
) -> tuple[Summary, Timed]:
    """Plan and run a campaign through Ray, its units on simulated slots of this machine."""
    cores = tuple(Core((FIRST + number,)) for number in range(1 + slots))
    share = Share(Topology(cores), tuple(sorted(os.sched_getaffinity(0))))
    start = time.perf_counter(), time.process_time()
    settings = load_settings([*overrides, "cluster=local", f"campaign.dir={folder}"])
    plan = campaign.plan_of(settings, datetime.now())
    spent = time.perf_counter() - start[0], time.process_time() - start[1]
    report(
        f"planning {len(settings)} combinations, {len(plan.units)} problems",
        f"{spent[0]:.1f} s ({spent[1]:.1f} s of processor time)",
    )
    with (
        (folder.parent / "console.txt").open("w") as console,
        Timed(Terminal(file=console), plan) as watcher,
        Memory() as memory,
    ):
        summary = campaign.run(
            plan,
            settings,
            ["run", *overrides],
            open_pool=lambda _: RayPool(
                choice=settings[0].cluster,
                architecture=settings[0].architecture,
                threads=1,
                campaign=plan.campaign,
                cache=folder.parent / "cache",
                watch=watcher.on_event,
                work=Work(prepare, partial(measure, seconds, host_facts()), described, set),
                share=share,
            ),
            open_sink=lambda folder: NoSink(),
            watcher=watcher,
        )
    assert summary.counts["ok"] == plan.trials, summary.counts
    report(
        f"{len(plan.units)} units of {seconds:g} s on {slots} slots: driver's memory grew by",
        f"{memory.grown:.0f} MiB",
    )
    return summary, watcher


def busy_share(results: Sequence[TrialResult], slots: int) -> float:
    """Of the slots' time, from the first start to the last end."""
    starts = [datetime.fromisoformat(result.started) for result in results]
    ends = [datetime.fromisoformat(result.ended) for result in results]
    busy = sum((end - start).total_seconds() for start, end in zip(starts, ends, strict=True))
    return busy / (slots * (max(ends) - min(starts)).total_seconds())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--units", type=int, default=10_000, help="that take no time")
    parser.add_argument("--slots", type=int, default=64, help="for units of one second")
    parser.add_argument("--rounds", type=int, default=20, help="of such units on every slot")
    chosen = parser.parse_args()
    table = Table("what", "found")
    sweep = ("-m", "primitive=matmul", "baseline=[]", "tracking=journal")
    try:
        with tempfile.TemporaryDirectory() as name:
            sizes = f"primitive.sizes.n=range(1,{chosen.units // 2 + 1})"
            both = ("primitive.sizes.m=1,2", "strategy=roofline")
            _, watcher = campaign_of(
                Path(name, "empty"), (*sweep, sizes, *both), EMPTY, 0.0, table.add_row
            )
            rate = chosen.units / (watcher.ended - watcher.began)
            table.add_row(f"{chosen.units} units of 0 s on {EMPTY} slots", f"{rate:.0f} units/s")
            count = chosen.slots * chosen.rounds
            one = (f"primitive.sizes.n=range(1,{count + 1})", "strategy=roofline")
            summary, _ = campaign_of(
                Path(name, "busy"), (*sweep, *one), chosen.slots, 1.0, table.add_row
            )
            share = busy_share(summary.results, chosen.slots)
            table.add_row(f"{count} units of 1 s on {chosen.slots} slots: busy", f"{share:.1%}")
    finally:
        for lock in lock_folder().glob(f"polydl-core-{FIRST // 1000}???.lock"):
            lock.unlink()
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
