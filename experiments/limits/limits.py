"""Prints what the tool itself costs: start-up, explanation, compilation (see README.md here)."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from compiler.cost.ranking import best_varied
from compiler.pipeline import compile_schedule, ranked_schedules
from harness.kernel.build import Built, build
from harness.kernel.toolchain import Toolchain
from harness.measure.ceilings import host_architecture
from harness.plan import planned
from harness.settings import cache_folder, load_settings

POLYDL = str(Path(sys.executable).with_name("polydl"))
LAYERS = 20
K = 20  # candidates a problem, as the quickstart's top_k has


def seconds_of(*arguments: str) -> float:
    """Wall time of one `polydl` command, its output thrown away."""
    start = time.perf_counter()
    subprocess.run([POLYDL, *arguments], check=True, capture_output=True)
    return time.perf_counter() - start


def explain_seconds() -> list[float]:
    layers = [f"resnet50_{number:02}" for number in range(LAYERS)]
    commands = [("explain", "workload=resnet50", f"workload.select=[{name}]") for name in layers]
    return [seconds_of(*command) for command in track(commands, "explain")]


def compile_seconds() -> list[float]:
    """Of every kernel that the quickstart's top_k compiles, into an empty cache."""
    settings = load_settings(["experiment=quickstart"])
    units = planned(settings, "limits", 2**40, lambda source: source).units
    machine = host_architecture(Toolchain.opened(cache_folder()))
    found = []
    with tempfile.TemporaryDirectory() as cache:
        toolchain = Toolchain.opened(Path(cache))
        for unit in track(units, "compile"):
            primitive = unit.problem.primitive
            for ranked in best_varied(ranked_schedules(primitive, machine), K, per_tile=4):
                kernel = compile_schedule(primitive, ranked.schedule)
                built = build(kernel.text, kernel.openmp, toolchain)
                assert isinstance(built, Built), built
                found.append(built.seconds)
    return found


def main() -> None:
    helps = [seconds_of("--help") for _ in range(5)]
    explained, compiled = explain_seconds(), compile_seconds()
    table = Table("what", "times", "median s", "largest s", "limit s")
    for what, times, limit in (
        ("polydl --help", helps, 0.3),
        ("polydl explain, ResNet-50 layers", explained, 3.0),
        ("compiling a kernel of the quickstart", compiled, 1.5),
    ):
        middle = sorted(times)[len(times) // 2]
        table.add_row(what, str(len(times)), f"{middle:.2f}", f"{max(times):.2f}", f"{limit}")
    Console().print(table)


if __name__ == "__main__":
    main()
