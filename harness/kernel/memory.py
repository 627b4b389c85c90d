"""Buffers between guard pages: a read or a write outside of one is a fault or leaves a trace."""

from __future__ import annotations

import ctypes
import mmap
import os
from typing import Literal

import numpy as np

from compiler.codegen.kernel import ALIGNED, Kernel
from compiler.problem.dtypes import DType
from compiler.schedule.layout import Array

Placement = Literal["end", "start", "timing"]
# A quiet NaN of four or eight bytes: what is read from around a buffer poisons the result. As much
# as there ever is around one.
CANARY = np.resize(np.array([0x7FFFDEAD], np.uint32).view(np.uint8), 2 * mmap.PAGESIZE)
PROT_NONE = 0
GIB = 2**30
STAGGER = 832  # bytes between the page offsets of two buffers, an odd number of lines

_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.mprotect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)


def beyond_memory(kernel: Kernel, threads: int, free_bytes: int) -> str | None:
    """The first workspace that free memory does not hold, with both sizes; None if all fit."""
    left = free_bytes
    for buffer in kernel.buffers:
        size = buffer.elements_on(threads) * buffer.dtype.bytes
        if buffer.role == "workspace" and size > left:
            each = f" of {threads} threads" if buffer.each_thread and threads > 1 else ""
            return (
                f"workspace '{buffer.name}'{each} takes {size / GIB:.2f} GiB, "
                f"but {left / GIB:.2f} GiB of memory are free"
            )
        left -= size
    return None


class MappedBuffer:
    """`elements` in a mapping of their own, an inaccessible page at either end.

    `end` puts the last 64-byte line against the upper guard page, `start` the first value against
    the lower one; `timing` gives each buffer (`index`) another offset within its page, so that
    buffers of a power of two do not all fall into the same cache sets, and leaves a line before the
    guard page: lanes that a mask leaves out of a load cost 200 cycles where they lie in it. What is
    left of the pages holds a canary.
    """

    def __init__(self, elements: int, dtype: DType, placement: Placement, index: int = 0) -> None:
        page = mmap.PAGESIZE
        size = elements * dtype.bytes
        shift = (STAGGER * (index + 1)) % page // ALIGNED * ALIGNED
        around = shift + ALIGNED if placement == "timing" else 0
        body = -(-(size + around) // page) * page or page
        # Private, as memory of malloc is: a baseline has no better pages than a kernel.
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        self._map = mmap.mmap(-1, body + 2 * page, flags=flags)
        held = np.frombuffer(self._map, np.uint8)
        base = held.ctypes.data
        if placement == "end":
            shift = (body - size) // ALIGNED * ALIGNED
        elif placement == "start":
            shift = 0
        first = page + shift
        self.address = base + first
        self.bytes = size
        self.mapping = (base, base + body + 2 * page)
        self.values: Array = held[first : first + size].view(dtype.numpy)
        self._around = (held[page:first], held[first + size : page + body])
        for part in self._around:
            part[:] = CANARY[: part.size]
        for guard in (base, base + page + body):
            if _LIBC.mprotect(guard, page, PROT_NONE):
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    @property
    def intact(self) -> bool:
        """Nothing was written between the buffer and its guard pages."""
        return all(np.array_equal(part, CANARY[: part.size]) for part in self._around)
