"""Every sampled schedule's kernel computes what numpy and the untransformed nest compute."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np

from compiler.codegen.generate import generate
from compiler.codegen.kernel import Kernel
from compiler.errors import ScheduleError
from compiler.model.loop_nest import loop_nest
from compiler.problem.primitive import Primitive
from compiler.problem.reference import random_inputs, reference
from compiler.schedule.candidates import scalar_schedule
from tests.compiler.codegen.random_schedules import (
    build_batch,
    call,
    random_problem,
    random_schedule,
)

KERNELS, BATCH, PER_PROBLEM, SEED = 320, 16, 7, 20261122


def test_random_schedules_match_both_oracles(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    done = 0
    while done < KERNELS:
        batch: list[tuple[Primitive, Kernel]] = []
        while len(batch) < BATCH:
            batch += _sampled(rng)
        library = build_batch([kernel for _, kernel in batch], tmp_path, f"batch{done}")
        for index, (primitive, kernel) in enumerate(batch):
            inputs = random_inputs(primitive, seed=done + index)
            expected = reference(primitive, {n: a.astype(np.float64) for n, a in inputs.items()})
            for name, found in call(library, index, kernel, inputs).items():
                wanted = expected[name].reshape(found.shape)
                np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4, err_msg=kernel.text)
        done += len(batch)


def _sampled(rng: random.Random) -> list[tuple[Primitive, Kernel]]:
    """The untransformed nest of a random problem and a few random schedules that fit it."""
    primitive = random_problem(rng)
    nest = loop_nest(primitive).nest
    kernels = [generate(nest, scalar_schedule(nest))]
    for _ in range(60):
        try:
            kernels.append(generate(nest, random_schedule(nest, rng)))
        except ScheduleError:
            continue
        if len(kernels) > PER_PROBLEM:
            break
    return [(primitive, kernel) for kernel in kernels]
