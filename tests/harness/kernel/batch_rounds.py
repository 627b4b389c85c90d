"""Kernels of random sizes by the hundred, each verified by all rounds of its problem.

A job is a few problems of one primitive: its kernels are compiled in one C file and run in a
process of their own, which a fault ends. What has been done is kept, line by line, so that a run
that was stopped goes on where it was.
"""

from __future__ import annotations

import ctypes
import json
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any
from zlib import crc32

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
from tests.compiler.codegen.targets import NATIVE, VARIANTS
from tests.compiler.machines import AVX2, AVX512, NEON
from tests.mutation.isolation import Died, isolated
from tests.mutation.outcomes import PROCESSES, clean_processes

MACHINES = (NEON, AVX2, AVX512)  # 4, 8 and 16 lanes; C compilers split what is too wide
SIZES = 10  # of a job
REDRAWN, TRIES = 2, 12
SECONDS = 300.0  # of processor time that the kernels of a job may take
FINISHED = "finished.jsonl"


@dataclass(frozen=True)
class Job:
    """Problems of one primitive and schedules for them, all from a seed."""

    primitive: str
    sizes: int
    seed: str
    variant: str = NATIVE  # of tests.compiler.codegen.targets

    @property
    def threads(self) -> int:
        """clang's kernels have no others: a library that it can link is a package more."""
        return 1 if VARIANTS[self.variant][0] == "clang" else 2


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
    variants: Sequence[str] = (NATIVE,),
) -> Checked:
    """So many random sizes of each primitive; the variants take turns from job to job.

    What `folder` tells of this seed's jobs is not done again, but for those that failed; a job
    stays the same whatever other primitives there are.
    """
    jobs = [
        Job(
            name,
            min(SIZES, sizes - first),
            f"{seed} {name} {first}",
            variants[(first // SIZES + crc32(name.encode())) % len(variants)],
        )
        for first in range(0, sizes, SIZES)
        for name in names
    ]
    start = time.perf_counter()
    finished = _finished(folder / FINISHED)
    with clean_processes(PROCESSES) as pool, (folder / FINISHED).open("a") as kept:
        waiting = {pool.submit(_checked, job, folder): job for job in jobs if job not in finished}
        for done in as_completed(waiting):
            job = waiting[done]
            finished[job] = done.result()
            kept.write(json.dumps([vars(job), *finished[job]]) + "\n")
            kept.flush()
    kernels = sum((Counter(finished[job][0]) for job in jobs), Counter[str]())
    failures = tuple(failure for job in jobs for failure in finished[job][1])
    return Checked(kernels, failures, time.perf_counter() - start)


def _finished(path: Path) -> dict[Job, tuple[dict[str, int], list[str]]]:
    """The jobs without failures that a file tells of."""
    lines = path.read_text().splitlines() if path.exists() else []
    done = [json.loads(line) for line in lines]
    return {Job(**job): (kernels, failures) for job, kernels, failures in done if not failures}


def _checked(job: Job, folder: Path) -> tuple[dict[str, int], list[str]]:
    """Kernels by kind, and failures; in a process that starts no threads."""
    rng = Random(job.seed)
    cases, failures = [], []
    for _ in range(job.sizes):
        primitive = primitive_from(random_size(job.primitive, rng))
        try:
            cases += _cases(primitive, rng, job.threads)
        except Exception as error:
            failures.append(f"{primitive.name} {dict(primitive.sizes)}: {error!r}")
    level = rng.choice(["-O0", "-O0", "-O0", "-O1", "-O2"])
    failures += wrong(cases, folder, job.seed.replace(" ", "-"), level, job.variant)
    return Counter(case.kind for case in cases), [f"{one}, {job}, {level}" for one in failures]


def wrong(cases: Sequence[Case], folder: Path, name: str, level: str, variant: str) -> list[str]:
    """Those of some kernels that fail a round; for a process that has started no threads."""
    build = start_build([case.kernel for case in cases], folder, name, level, variant)
    source, now = build.path.with_suffix(".c"), build.path.with_suffix(".now")
    if build.process.wait() != 0:
        return [f"{source} does not compile by {variant}"]
    try:
        failures: list[str] = isolated(lambda: _verified(cases, build.path, now), SECONDS)
    except Died as died:  # `now` tells which of them a fault came from
        failures = [f"{now.read_text()}: died of signal {died.number}"]
    for path in (source, build.path, now) if not failures else ():
        path.unlink()
    return failures


def _cases(primitive: Primitive, rng: Random, threads: int) -> list[Case]:
    """Fused and apart, with loops of threads and without, and some with nearly all redrawn."""
    nest = loop_nest(primitive).nest
    machine = rng.choice(MACHINES)
    found: list[Case] = []

    def add(schedule: Schedule) -> None:
        tree = fitted(nest, schedule)
        assert by_isl(tree) is None, f"{primitive.sizes} {schedule}"
        kernel = generate(tree)
        found.append(Case(primitive, schedule, kernel, threads if kernel.openmp else 1))

    def space(fuse: bool) -> dict[object, list[Schedule]]:
        """By form; of those that are many any few are tried in shared loops."""
        by_form: dict[object, list[Schedule]] = {}
        for schedule in candidates(nest, machine, 2, fuse, lambda _: rng.random()):
            by_form.setdefault(_form(schedule), []).append(schedule)
        return by_form

    together = space(fuse=True)
    for by_form in (together, space(fuse=False) if len(nest.statements) > 1 else together):
        shared, alone = (rng.choice(by_form[rng.choice([*by_form])]) for _ in range(2))
        add(shared)
        copies = any(band.private for band in alone.bands)  # of a sum that one thread has whole
        serial = replace(alone, bands=tuple(band.serial() for band in alone.bands))
        add(alone if copies else serial)
    bases = [case.schedule for case in found if len(case.schedule.bands) == 1]
    most = len(found) + REDRAWN
    for _ in range(TRIES if bases else 0):
        schedule = redrawn(nest, rng.choice(bases), rng)
        if legal(nest, schedule):
            add(schedule)
        if len(found) == most:
            break
    return found


def _form(schedule: Schedule) -> object:
    """What two schedules must differ in to print different code."""
    bands = (
        (b.scheme, b.vector[0], b.fusion, b.keep, bool(b.block), bool(b.private), b.nontemporal)
        for b in schedule.bands
    )
    return *bands, bool(schedule.pack)


def _verified(cases: Sequence[Case], library: Path, now: Path) -> list[str]:
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
