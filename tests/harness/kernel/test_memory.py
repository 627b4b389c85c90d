from __future__ import annotations

import ctypes
import mmap

import numpy as np
import pytest

from compiler.codegen.kernel import Buffer, Kernel
from compiler.problem.dtypes import F32, DType
from harness.kernel.memory import MappedBuffer, Placement, beyond_memory
from tests.compiler.problem.another_dtype import F64


@pytest.mark.parametrize("placement", ["end", "start", "timing"])
@pytest.mark.parametrize("elements", [1, 15, 16, 17, 1024, 5000])
@pytest.mark.parametrize("dtype", [F32, F64])
def test_buffers_are_aligned_and_leave_traces(
    placement: Placement, elements: int, dtype: DType
) -> None:
    buffer = MappedBuffer(elements, dtype, placement, index=3)
    assert buffer.address % 64 == 0
    assert buffer.values.size == elements and buffer.bytes == elements * dtype.bytes
    assert buffer.values.dtype == dtype.numpy and buffer.values.ctypes.data == buffer.address
    buffer.values[:] = 1
    assert buffer.intact
    low, high = buffer.mapping
    if placement == "start":
        assert buffer.address == low + mmap.PAGESIZE
    if placement == "end":
        left = high - mmap.PAGESIZE - (buffer.address + buffer.bytes)
        assert 0 <= left < 64


def test_a_write_into_the_slack_is_seen() -> None:
    buffer = MappedBuffer(15, F32, "end")
    past_the_end = (ctypes.c_float * 16).from_address(buffer.address)
    past_the_end[15] = 0
    assert not buffer.intact


@pytest.mark.parametrize(("dtype", "c_type"), [(F32, ctypes.c_float), (F64, ctypes.c_double)])
def test_what_lies_around_is_nan(
    dtype: DType, c_type: type[ctypes.c_float | ctypes.c_double]
) -> None:
    buffer = MappedBuffer(15, dtype, "end")
    past_the_end = (c_type * 16).from_address(buffer.address)
    assert np.isnan(past_the_end[15])


def test_a_workspace_beyond_free_memory_is_told_with_both_sizes() -> None:
    stage = Buffer("stage_mid", "workspace", 2**28, F32, None, each_thread=True)
    kernel = Kernel("", (Buffer("y", "output", 2**28, F32, None), stage), openmp=True)
    assert beyond_memory(kernel, 1, 2**31) is None
    assert beyond_memory(kernel, 2, 2**31) == (
        "workspace 'stage_mid' of 2 threads takes 2.00 GiB, but 1.00 GiB of memory are free"
    )
