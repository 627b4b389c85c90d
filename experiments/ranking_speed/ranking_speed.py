"""Prints how many schedules a second each ranking orders on one core (see README.md here)."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from functools import partial

from rich.console import Console
from rich.table import Table

from compiler.cost.ranking import RANKERS
from compiler.model.loop_nest import loop_nest
from compiler.problem.specification import primitive_from
from compiler.space.candidates import candidates
from harness.kernel.toolchain import Toolchain
from harness.measure.ceilings import host_architecture
from harness.settings import cache_folder, load_settings

LAYERS = ("resnet50_12", "resnet50_03", "resnet50_18")  # 3x3 with many channels, 3x3, 1x1
SOME = 1000
REPEATS = 3  # the fastest counts: the machine may be shared


def least(work: Callable[[], object]) -> float:
    """Seconds of the fastest of a few runs."""
    found = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return min(found)


def main() -> None:
    core = int(sys.argv[1]) if len(sys.argv) > 1 else max(os.sched_getaffinity(0))
    machine = host_architecture(Toolchain.opened(cache_folder()), core)
    os.sched_setaffinity(0, {core})
    select = f"workload.select=[{','.join(LAYERS)}]"
    table = Table("problem", "ranking", "schedules", "seconds", "a second", f"first {SOME}, s")
    for choice in load_settings(["workload=resnet50", select])[0].problems:
        primitive = primitive_from(choice.spec)
        nest = loop_nest(primitive).nest
        schedules = candidates(nest, machine)
        table.add_row(
            choice.name,
            "(candidates)",
            str(len(schedules)),
            f"{(seconds := least(partial(candidates, nest, machine))):.2f}",
            f"{len(schedules) / seconds:.0f}",
        )
        for name, rank in RANKERS.items():
            seconds = least(partial(rank, nest, schedules, machine, 1))
            some = least(partial(rank, nest, schedules[:SOME], machine, 1))
            rate = f"{len(schedules) / seconds:.0f}"
            table.add_row("", name, str(len(schedules)), f"{seconds:.2f}", rate, f"{some:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
