"""The compiled part of the measuring child: what a call finds in registers, what disturbed it."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Sequence

import numpy as np
import pytest

from compiler.codegen.kernel import Buffer, Kernel
from compiler.problem.dtypes import F32
from compiler.schedule.layout import Layout
from harness.failure import Failure
from harness.kernel.build import build
from harness.kernel.load import Executable, kernel_spec, load
from harness.kernel.problem_data import Inputs
from harness.kernel.toolchain import Toolchain
from harness.measure.native import Timer, timing_library

# What the kernel finds in two registers that it has not set; elsewhere what it is told.
FOUND = """
#if defined(__AVX512F__)
#define READ(n) __asm__ volatile("vmovups %%zmm" #n ", %0" : "=m"(*(float (*)[16])(y + at)))
#define LANES 16
#elif defined(__AVX__)
#define READ(n) __asm__ volatile("vmovups %%ymm" #n ", %0" : "=m"(*(float (*)[8])(y + at)))
#define LANES 8
#elif defined(__x86_64__)
#define READ(n) __asm__ volatile("movups %%xmm" #n ", %0" : "=m"(*(float (*)[4])(y + at)))
#define LANES 4
#elif defined(__aarch64__)
#define READ(n) __asm__ volatile("str q" #n ", %0" : "=m"(*(float (*)[4])(y + at)))
#define LANES 4
#endif
void polydl_kernel(void *const *buffers) {
    float *y = buffers[0];
    long at = 0;
    READ(3);
    at += LANES;
    READ(7);
    at += LANES;
    for (; at < 32; ++at) y[at] = y[0];
}
"""


@pytest.mark.parametrize("garbage", [math.nan, 1e30, -1e30])
def test_registers_hold_garbage_when_a_kernel_is_called(
    garbage: float, toolchain: Toolchain
) -> None:
    kernel = Kernel(FOUND, (Buffer("y", "output", 32, F32, Layout((32,), (0,))),), openmp=False)
    built, library = build(FOUND, False, toolchain), timing_library(toolchain)
    assert not isinstance(built, Failure) and not isinstance(library, Failure)
    executable = load(kernel_spec(kernel, built.path))
    executable.bind(Inputs({}), "end", np.zeros(1, np.float32))
    Timer(library).call(executable, garbage)
    found = executable.fetch("y", (32,))
    np.testing.assert_array_equal(found, np.full(32, garbage, np.float32))


SPINNING = """
void polydl_kernel(void *const *buffers) {
    for (volatile long i = 0; i < 5000000; ++i) continue;
}
"""


class Replayed:
    """The library's side of a sample."""

    def __init__(self, row: Sequence[int]) -> None:
        self.row = row

    def polydl_sample(
        self, kind: int, function: int, argument: int, calls: int, out: list[int]
    ) -> int:
        out[:] = self.row
        return 0


@pytest.fixture
def spinning(toolchain: Toolchain) -> Executable:
    built = build(SPINNING, False, toolchain)
    assert not isinstance(built, Failure)
    return load(kernel_spec(Kernel(SPINNING, (), openmp=False), built.path))


@pytest.fixture
def timer(toolchain: Toolchain) -> Timer:
    library = timing_library(toolchain)
    assert not isinstance(library, Failure)
    return Timer(library)


@pytest.mark.parametrize(
    ("row", "flags"),
    [
        # ns, own switches, others', minor and major faults, processor before and after, ns lost
        ((10_000_000, 0, 0, 0, 0, 1, 1, 900), ()),
        ((10_000_000, 3, 0, 0, 0, 1, 1, 99_000), ()),  # a daemon's turns: less than 1 %
        ((10_000_000, 1, 0, 0, 0, 1, 1, 100_000), ("switched out",)),
        ((10_000_000, 0, 1, 0, 0, 1, 1, 0), ("switched out",)),  # another thread's: who knows
        ((10_000_000, 0, 0, 0, 0, 1, 1, 5_000_000), ()),  # it waited of itself
        ((10_000_000, 0, 0, 2, 0, 1, 0, 0), ("processor changed", "page faults")),
        ((10_000_000, 0, 0, 0, 1, 1, 1, 0), ("page faults",)),
    ],
)
def test_evidence(
    row: Sequence[int],
    flags: tuple[str, ...],
    timer: Timer,
    spinning: Executable,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(timer, "_native", Replayed(row))
    monkeypatch.setattr(timer, "_out", [0] * 8)
    timed = timer.sample(spinning, 100)
    assert timed.seconds == pytest.approx(1e-4)
    assert timed.flags == flags


def test_one_that_computes_on_the_same_core_is_seen(timer: Timer, spinning: Executable) -> None:
    before = os.sched_getaffinity(0)
    code = f"import os; os.sched_setaffinity(0, [{max(before)}])\nprint(flush=True)\nwhile 1: 1"
    os.sched_setaffinity(0, [max(before)])
    try:
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as other:
            assert other.stdout is not None and other.stdout.readline()
            flags = [timer.sample(spinning, 10).flags for _ in range(5)]
            other.kill()
    finally:
        os.sched_setaffinity(0, before)
    assert any("switched out" in one for one in flags)
