"""Kernels of random sizes by the hundred, each verified by all rounds of its problem.

A job is a few problems of one primitive: its kernels are compiled in one C file and run in a
process of their own, which a fault ends.
"""

from __future__ import annotations

import ctypes
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from compiler.codegen.generate import generate
from compiler.codegen.kernel import Kernel
from compiler.lower.fit import fitted
from compiler.lower.legality import by_isl, legal
from compiler.model.loop_nest import loop_nest
from compiler.problem.primitive import Primitive
from compiler.problem.specification import primitive_from
from compiler.schedule.schedule import Schedule
from compiler.space.candidates import candidates
from harness.failure import Failure
from harness.kernel.expectation import computed
from harness.kernel.load import kernel_spec, load
from harness.kernel.verify import verify
from tests.compiler.codegen.batch import start_build
from tests.compiler.codegen.fused_problems import random_size
from tests.compiler.codegen.random_schedules import redrawn
from tests.compiler.machines import AVX2, AVX512, NEON
from tests.mutation.isolation import Died, isolated
from tests.mutation.outcomes import PROCESSES, clean_processes

MACHINES = (NEON, AVX2, AVX512)  # 4, 8 and 16 lanes; C compilers split what is too wide
SIZES = 6  # of a job
REDRAWN, TRIES = 2, 12
SECONDS = 300.0  # of processor time that the kernels of a job may take


@dataclass(frozen=True)
class Job:
    """Problems of one primitive and schedules for them, all from a seed."""

    primitive: str
    sizes: int
    seed: str
    compiler: str = ""  # the host's


@dataclass(frozen=True)
class Checked:
    """Kernels by what they are, and the problems of those that are wrong."""

    kernels: Counter[str]
    failures: tuple[str, ...]
    seconds: float  # of wall time


@dataclass(frozen=True)
class Case:
    primitive: Primitive
    schedule: Schedule
    kernel: Kernel
    threads: int

    def __str__(self) -> str:
        return f"{self.primitive.name} {dict(self.primitive.sizes)} {self.schedule}"

    @property
    def kind(self) -> str:
        fused = any(band.fusion for band in self.schedule.bands)
        lanes = max(band.vector[1] for band in self.schedule.bands)
        return f"{'fused' if fused else 'apart'}, {lanes} lanes, {self.threads} threads"


def check_rounds(
    names: Iterable[str],
    sizes: int,
    seed: int,
    folder: Path,
    compilers: Sequence[str] = ("",),
) -> Checked:
    """So many random sizes of each primitive; the compilers take turns from job to job."""
    jobs = [
        Job(
            name,
            min(SIZES, sizes - first),
            f"{seed} {name} {first}",
            compilers[first // SIZES % len(compilers)],
        )
        for first in range(0, sizes, SIZES)
        for name in names
    ]
    start = time.perf_counter()
    with clean_processes(PROCESSES) as pool:
        done = list(pool.map(_checked, jobs, [folder] * len(jobs)))
    kernels = sum((counted for counted, _ in done), Counter[str]())
    failures = tuple(failure for _, some in done for failure in some)
    return Checked(kernels, failures, time.perf_counter() - start)


def _checked(job: Job, folder: Path) -> tuple[Counter[str], list[str]]:
    """Kernels by kind, and failures; in a process that starts no threads."""
    rng = Random(job.seed)
    cases = [
        case
        for _ in range(job.sizes)
        for case in _cases(primitive_from(random_size(job.primitive, rng)), rng)
    ]
    level = rng.choice(["-O0", "-O0", "-O1", "-O2"])
    kernels = [case.kernel for case in cases]
    build = start_build(kernels, folder, job.seed.replace(" ", "-"), level, job.compiler)
    assert build.process.wait() == 0, f"{build.path.with_suffix('.c')} does not compile"
    now = build.path.with_suffix(".now")  # which of them a fault came from
    try:
        failures = isolated(lambda: _verified(cases, build.path, now), SECONDS)
    except Died as died:
        failures = [f"{now.read_text()}: died of signal {died.number}"]
    return Counter(case.kind for case in cases), failures


def _cases(primitive: Primitive, rng: Random) -> list[Case]:
    """Candidates of every width, fused, one apart, and some with nearly all redrawn."""
    nest = loop_nest(primitive).nest
    found: list[Case] = []

    def add(schedule: Schedule, threads: int) -> None:
        tree = fitted(nest, schedule)
        assert by_isl(tree) is None, f"{primitive.sizes} {schedule}"
        kernel = generate(tree)
        found.append(Case(primitive, schedule, kernel, threads if kernel.openmp else 1))

    for machine in MACHINES:
        threads = rng.choice([1, 2])
        add(rng.choice(candidates(nest, machine, threads)), threads)
    threads = rng.choice([1, 2])
    add(rng.choice(candidates(nest, rng.choice(MACHINES), threads, fuse=False)), threads)
    bases = [case.schedule for case in found if len(case.schedule.bands) == 1]
    most = len(found) + REDRAWN
    for _ in range(TRIES if bases else 0):
        schedule = redrawn(nest, rng.choice(bases), rng)
        if legal(nest, schedule):
            add(schedule, 2)
        if len(found) == most:
            break
    return found


def _verified(cases: list[Case], library: Path, now: Path) -> list[str]:
    """What is wrong with each that is."""
    chosen = ctypes.c_int.in_dll(ctypes.CDLL(str(library)), "chosen")
    failures = []
    data: dict[Primitive, Any] = {}
    for number, case in enumerate(cases):
        now.write_text(str(case))
        if case.primitive not in data:
            data = {case.primitive: computed(case.primitive, seed=0)}
        chosen.value = number
        executable = load(kernel_spec(case.kernel, library))
        found = verify(executable, data[case.primitive], threads=case.threads)
        if isinstance(found, Failure):
            failures.append(f"{case}: {found.reason}")
    return failures
