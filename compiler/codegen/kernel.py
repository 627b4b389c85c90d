"""What the code generator returns: C text and the buffers it is called with."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

from compiler.problem.dtypes import DType
from compiler.schedule.layout import Layout

ALIGNED = 64  # bytes, of every buffer
SYMBOL = "polydl_kernel"  # void polydl_kernel(void *const *buffers)


@dataclass(frozen=True)
class Buffer:
    """One entry of the kernel's argument array, in order; its address is a multiple of ALIGNED.

    A workspace has no tensor: its contents are undefined before and after a call. One of
    `each_thread` has so many elements for every thread that the kernel may run on.
    """

    name: str
    role: Literal["input", "output", "workspace"]
    elements: int
    dtype: DType
    layout: Layout | None  # None for a workspace
    constant: bool = False  # packed outside the timed region
    each_thread: bool = False

    @property
    def bytes(self) -> int:
        return self.elements * self.dtype.bytes

    def elements_on(self, threads: int) -> int:
        """Elements that the caller holds for a call on so many threads."""
        return self.elements * (threads if self.each_thread else 1)


def whole_lines(elements: int, dtype: DType) -> int:
    """Elements of whole cache lines that hold so many: what lies behind shares none with them."""
    line = ALIGNED // dtype.bytes
    return -(-elements // line) * line


@dataclass(frozen=True)
class Kernel:
    """A translation unit that exports `void polydl_kernel(void *const *buffers)`.

    `code` is all of it but a comment that names the `schedule`: two schedules that print the same
    code are one kernel. An output buffer need not be initialised by the caller unless the tensor is
    also an input. `libraries` are those that it calls, which the build links.
    """

    code: str
    buffers: tuple[Buffer, ...]
    openmp: bool
    libraries: tuple[str, ...] = ()
    schedule: str = ""

    @property
    def text(self) -> str:
        return f"/* schedule {self.schedule} */\n{self.code}" if self.schedule else self.code

    @property
    def hash(self) -> str:
        return hashlib.sha256(self.code.encode()).hexdigest()[:16]
