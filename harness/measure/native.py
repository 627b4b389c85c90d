"""The compiled part of the measuring child: timing loop, counters, cache eviction, fault names."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np

from harness.errors import HarnessError
from harness.failure import Failure
from harness.kernel.build import build
from harness.kernel.load import Executable
from harness.kernel.toolchain import Toolchain
from harness.measure.sample import Timed

SOURCE = Path(__file__).with_name("timing.c")
# Share of a sample that its thread was without a processor: what takes less, as a kernel thread's
# turn of some microseconds does, cannot make a difference of the 1 % that a verdict asks for.
LOST = 0.01
STREAM_BYTES = 128 << 20  # read to push out what is in memory that only an adapter knows


class CallFailed(HarnessError):
    """A timed call reported a failure."""


def timing_library(toolchain: Toolchain) -> Path | Failure:
    """Compile timing.c once per host; the child loads what this returns."""
    built = build(SOURCE.read_text(), False, toolchain)
    return built if isinstance(built, Failure) else built.path


class Timer:
    """Times an executable that has been bound to its inputs."""

    def __init__(self, library: Path) -> None:
        native = self._native = ctypes.CDLL(str(library))
        pointer, size = ctypes.c_void_p, ctypes.c_size_t
        native.polydl_sample.argtypes = (ctypes.c_int, pointer, pointer, ctypes.c_long, pointer)
        native.polydl_call.argtypes = (pointer, pointer, pointer)
        native.polydl_evict.argtypes = (pointer, size)
        native.polydl_watch.argtypes = (ctypes.c_char_p, size, size, size, size)
        self._out = (ctypes.c_longlong * 8)()
        self._stream: np.ndarray[tuple[int], np.dtype[np.int64]] | None = None
        native.polydl_watch_faults()

    def watch(self, executable: Executable) -> None:
        """Let a fault name the buffer whose guard page it hit."""
        self._native.polydl_watch_none()
        for name, *addresses in executable.mappings():
            self._native.polydl_watch(name.encode(), *addresses)

    def call(self, executable: Executable, garbage: float) -> None:
        """Run once; a kernel of ours finds `garbage` in every vector register."""
        if executable.kind == 0:
            number = ctypes.c_float(garbage)
            self._native.polydl_call(executable.function, executable.argument, ctypes.byref(number))
        else:
            executable.run()

    def sample(self, executable: Executable, calls: int) -> Timed:
        """Call `calls` times; raises CallFailed."""
        out = self._out
        status = self._native.polydl_sample(
            executable.kind, executable.function, executable.argument, calls, out
        )
        if status:
            raise CallFailed(f"a timed call returned {status}")
        seconds, own, others, minor, major, before, after, lost = out
        evidence = {
            "processor changed": before != after,
            "switched out": others > 0 or (own > 0 and lost >= LOST * seconds),
            "page faults": minor + major > 0,
        }
        flags = tuple(name for name, seen in evidence.items() if seen)
        return Timed(max(seconds, 1) * 1e-9 / calls, calls, flags)

    def evict(self, executable: Executable) -> None:
        """Push the tensors out of every cache: line by line, or by reading something else."""
        memory = executable.memory()
        done = [self._native.polydl_evict(start, bytes) == 0 for _, start, bytes in memory]
        if not done or not all(done):
            if self._stream is None:
                self._stream = np.ones(STREAM_BYTES // 8, np.int64)
            self._stream += 1
