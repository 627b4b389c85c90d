"""Every sampled schedule's kernel computes what numpy and the untransformed nest compute."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from compiler.codegen.generate import generate, untransformed
from compiler.codegen.kernel import Kernel
from compiler.errors import ScheduleError
from compiler.lower.fit import fitted
from compiler.lower.lowered import lowered
from compiler.model.loop_nest import loop_nest
from compiler.problem.primitive import Primitive
from compiler.space.scalar import as_written
from tests.compiler.codegen.batch import Build, call, expected_of, start_build
from tests.compiler.codegen.random_schedules import random_problem, random_schedule

KERNELS, BATCH, PER_PROBLEM, TRIES, SEED = 160, 20, 8, 60, 20261122
AT_ONCE = 2  # compilations beside the generation of the next batch
LEVELS = ("-O2", "-O0", "-O0", "-Og")  # some batches as users build, the others quickly


@dataclass(frozen=True)
class Batch:
    """Kernels by problem, the untransformed nest first, and their compilation."""

    problems: list[tuple[Primitive, list[Kernel]]]
    build: Build


def test_random_schedules_match_both_oracles(tmp_path: Path) -> None:
    check_random_kernels(tmp_path, SEED, KERNELS)


def check_random_kernels(folder: Path, seed: int, count: int) -> None:
    """Generate, compile and compare `count` kernels of random problems, or a few more."""
    rng = random.Random(seed)
    done = number = 0
    waiting: list[Batch] = []
    while done < count:
        problems: list[tuple[Primitive, list[Kernel]]] = []
        while sum(len(kernels) for _, kernels in problems) < BATCH:
            problems.append(_sampled(rng))
        kernels = [kernel for _, some in problems for kernel in some]
        level = LEVELS[number % len(LEVELS)]
        build = start_build(kernels, folder, f"batch{number}", level)
        waiting.append(Batch(problems, build))
        number += 1
        done += len(kernels) - len(problems)  # the untransformed nests do not count
        if len(waiting) == AT_ONCE:
            _check(waiting.pop(0))
    for batch in waiting:
        _check(batch)


def _check(batch: Batch) -> None:
    library, index = batch.build.library(), 0
    for primitive, kernels in batch.problems:
        expected, untransformed = expected_of(primitive, seed=index), None
        for kernel in kernels:
            found = call(library, index, kernel, expected.inputs)
            expected.compare(found, kernel.text)
            untransformed = untransformed or found
            expected.compare_with(found, untransformed, kernel.text)
            index += 1


def _sampled(rng: random.Random) -> tuple[Primitive, list[Kernel]]:
    """A random problem: its untransformed nest and a few random schedules that fit it."""
    primitive = random_problem(rng)
    nest = loop_nest(primitive).nest
    kernels = [untransformed(lowered(nest, as_written(nest)))]
    for _ in range(TRIES):
        try:
            kernels.append(generate(fitted(nest, random_schedule(nest, rng))))
        except ScheduleError:
            continue
        if len(kernels) > PER_PROBLEM:
            break
    return primitive, kernels
