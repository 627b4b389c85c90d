"""The child that measures a core's ceilings: peak GFLOP/s and read bandwidth by working set."""

from __future__ import annotations

import ctypes
import mmap
import sys
from pathlib import Path
from typing import Any

from harness.measure.worker import main

VARIANTS = 6  # of polydl_peak
ALIGNMENT = 512  # bytes, eight of the widest vectors
FASTEST = 400e9  # bytes a second, to choose the number of rounds


class CeilingsSession:
    """Answers `peak` and `bandwidth`."""

    def __init__(self, timer: Path, cores: tuple[int, ...]) -> None:
        self._memory: mmap.mmap | None = None

    def peak(self, library: str, seconds: float) -> dict[str, Any]:
        """Best operations a second over all variants, each run three times in turn."""
        native = ctypes.CDLL(library)
        native.polydl_peak.restype = ctypes.c_double
        native.polydl_peak.argtypes = (ctypes.c_int, ctypes.c_long)
        rounds = 20_000
        best = max(native.polydl_peak(0, rounds) for _ in range(3))
        rounds = max(rounds, int(best / 256 * seconds / (3 * VARIANTS)))
        runs = [native.polydl_peak(v, rounds) for _ in range(3) for v in range(VARIANTS)]
        return {"operations": max(best, *runs)}

    def bandwidth(
        self, library: str, sizes: list[int], seconds: float, passes: int
    ) -> dict[str, Any]:
        """Best bytes a second for each working set; passes go over all sizes in turn."""
        native = ctypes.CDLL(library)
        native.polydl_read.restype = ctypes.c_double
        native.polydl_read.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_long)
        self._memory = mmap.mmap(-1, max(sizes) + ALIGNMENT)
        start = ctypes.addressof(ctypes.c_char.from_buffer(self._memory))
        ctypes.memset(start, 1, max(sizes))
        best = [0.0] * len(sizes)
        each = seconds / (len(sizes) * passes)
        for _ in range(passes):
            for index, size in enumerate(sizes):
                rate = best[index] or native.polydl_read(start, size, 1)
                rounds = max(1, int(each * min(rate, FASTEST) / size))
                best[index] = max(best[index], native.polydl_read(start, size, rounds))
        return {"rates": best}


if __name__ == "__main__":
    sys.exit(main(CeilingsSession))
