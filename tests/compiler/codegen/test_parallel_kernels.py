"""Kernels with parallel levels compute, bit for bit, what they compute on one thread."""

from __future__ import annotations

import ctypes
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compiler.codegen.generate import generate
from compiler.codegen.kernel import Kernel
from compiler.lower.fit import fitted
from compiler.lower.legality import by_isl
from compiler.lower.lowered import lowered
from compiler.lower.steps import SHARED
from compiler.model.loop_nest import loop_nest
from compiler.problem.primitive import Primitive
from compiler.problem.specification import primitive_from
from compiler.schedule.schedule import Schedule
from compiler.schedule.text import parse_schedule
from compiler.space.candidates import candidates
from compiler.space.scalar import scalar_schedule
from tests.compiler.codegen.batch import call, expected_of, start_build
from tests.compiler.machines import AVX2, NEON
from tests.compiler.problem.operators import OPERATORS, conv2d, matmul, shipped

PROBLEMS = (
    conv2d(ic=8, oc=24, ih=9, iw=11),
    conv2d(n=2, ic=5, oc=6, ih=8, iw=18, stride=1, pad_w=2),
    matmul(m=40, n=45, k=130),
    OPERATORS["grouped"],
)
BLOCKED = "layout:data.aBcd8b+out.aBcd8b+weight.ABcd8b8a"
NESTED = (  # forms that the candidates leave out
    "order:oh@1+oc+oh+ow+kh+kw+ic/block:oh@1.4/parallel:oh@1+oc+oh",
    "order:oh@1+oh+oc+ow+kh+kw+ic/block:oh@1.4/parallel:oh@1+oh",
    "order:ic@1+oh+oc+ow+kh+kw+ic/block:ic@1.4/parallel:oc+ow",
    "order:kh+oc+oh+ow+kw+ic/parallel:oh",
    "order:oc+oh+ow+kh+kw+ic/parallel:oc+oh+ow",
)

SCALAR: tuple[dict[str, Any], ...] = (
    # each statement under its own loops: several, in place, with borders, sums of a few forms
    *(OPERATORS[x] for x in ("average_pool", "backward_data", "backward_weights", "chain")),
    *(OPERATORS[x] for x in ("max_pool", "grouped", "accumulated", "partial")),
    shipped("conv2d_bn_relu", n=2, ic=3, oc=5, ih=6, iw=7),
    # runs over time, side by side: `i` is shared anew in every step
    {
        "name": "steps", "sizes": {"t": 4, "i": SHARED},
        "tensors": {"x": ["t", "i"], "y": ["t", "i"]}, "outside": {"y": 1},
        "statements": ["y[t,i] = 0.5 * y[t-1,i] + x[t,i]"],
    },
)  # fmt: skip


def _schedules(primitive: Primitive, rng: random.Random) -> list[Schedule]:
    nest = loop_nest(primitive).nest
    chosen: list[Schedule] = []
    for machine, threads in ((AVX2, 2), (NEON, 4)):
        forms: dict[object, Schedule] = {}
        found = [one for one in candidates(nest, machine, threads) if one.band.parallel]
        rng.shuffle(found)
        for schedule in found:
            forms.setdefault(
                (schedule.band.parallel, bool(schedule.pack), schedule.band.order[0]), schedule
            )
        chosen += list(forms.values())[:3]
    return chosen


def test_threads_change_no_bit(tmp_path: Path) -> None:
    rng = random.Random(3)
    jobs: list[tuple[Primitive, Kernel, Kernel, str]] = []
    for spec in PROBLEMS:
        primitive = primitive_from(spec)
        schedules = _schedules(primitive, rng)
        if spec is PROBLEMS[0]:
            vector = "broadcast/vector:oc.8/tile:oc.1+ow.3"
            schedules += [parse_schedule(f"{vector}/{text}/{BLOCKED}") for text in NESTED]
        nest = loop_nest(primitive).nest
        for schedule in schedules:
            shared = generate(fitted(nest, schedule))
            alone = generate(fitted(nest, schedule.with_band(parallel=())))
            assert shared.openmp
            assert not alone.openmp
            jobs.append((primitive, shared, alone, str(schedule)))
    kernels = [kernel for _, *pair, _ in jobs for kernel in pair if isinstance(kernel, Kernel)]
    half = len(kernels) // 4 * 2
    builds = [
        start_build(kernels[:half], tmp_path, "first", "-O0"),
        start_build(kernels[half:], tmp_path, "second", "-O0"),
    ]
    libraries = [build.library() for build in builds]
    for number, (primitive, shared, alone, text) in enumerate(jobs):
        library, at = libraries[2 * number >= half], 2 * number - half * (2 * number >= half)
        _compare(library, at, primitive, shared, alone, text)


def test_scalar_nests_on_threads_change_no_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("compiler.space.scalar.SHARED", 1)  # however small they are
    jobs = []
    for spec in SCALAR:
        primitive = primitive_from(spec)
        nest = loop_nest(primitive).nest
        schedule = scalar_schedule(nest, threads=3)
        assert by_isl(lowered(nest, schedule)) is None
        shared, alone = (
            generate(fitted(nest, schedule)),
            generate(fitted(nest, scalar_schedule(nest))),
        )
        assert shared.openmp and not alone.openmp
        jobs.append((primitive, shared, alone, str(schedule)))
    kernels = [kernel for _, *pair, _ in jobs for kernel in pair]
    library = start_build(kernels, tmp_path, "scalar", "-O0").library()
    for number, job in enumerate(jobs):
        _compare(library, 2 * number, *job)


def _compare(
    library: ctypes.CDLL, at: int, primitive: Primitive, shared: Kernel, alone: Kernel, text: str
) -> None:
    expected = expected_of(primitive)
    wanted = call(library, at + 1, alone, expected.inputs)
    expected.compare(wanted, text)
    for threads in (1, 2, 3):
        library["omp_set_num_threads"](threads)
        found = call(library, at, shared, expected.inputs)
        for name, values in wanted.items():
            np.testing.assert_array_equal(found[name], values, err_msg=f"{threads}: {text}")
