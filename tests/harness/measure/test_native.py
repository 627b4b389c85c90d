"""The compiled part of the measuring child: what a call finds in the registers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from compiler.codegen.kernel import Buffer, Kernel
from compiler.schedule.layout import Layout
from harness.failure import Failure
from harness.kernel.build import build
from harness.kernel.load import kernel_spec, load
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
    kernel = Kernel(FOUND, (Buffer("y", "output", 32, Layout((32,), (0,))),), openmp=False)
    built, library = build(FOUND, False, toolchain), timing_library(toolchain)
    assert not isinstance(built, Failure) and not isinstance(library, Failure)
    executable = load(kernel_spec(kernel, built.path))
    executable.bind(Inputs({}), "end", np.zeros(1, np.float32))
    Timer(library).call(executable, garbage)
    found = executable.fetch("y", (32,))
    np.testing.assert_array_equal(found, np.full(32, garbage, np.float32))
