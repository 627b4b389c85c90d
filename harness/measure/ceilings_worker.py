"""The child that measures a core's ceilings: peak GFLOP/s and read bandwidth by working set."""

from __future__ import annotations

import ctypes
import mmap
import sys
from math import inf
from pathlib import Path
from typing import Any

import numpy as np

from harness.kernel.load import Executable, load
from harness.kernel.problem_data import Inputs
from harness.measure.native import Timer
from harness.measure.worker import main

VARIANTS = 6  # of polydl_peak
TURNS = 4  # of a look
CHAIN_ROUNDS = 20_000  # of sixteen steps
ALIGNMENT = 512  # bytes, eight of the widest vectors
FASTEST = 400e9  # bytes a second, to choose the number of rounds


class CeilingsSession:
    """Answers `look`, `peak` and `bandwidth`."""

    def __init__(self, timer: Path, cores: tuple[int, ...]) -> None:
        self._timer = Timer(timer)
        self._memory: mmap.mmap | None = None

    def look(
        self,
        library: str,
        kernels: list[dict[str, Any]],
        peak_seconds: float,
        kernel_seconds: float,
    ) -> dict[str, Any]:
        """Operations a second; least seconds of a cycle, of a waiting multiply-add, of each kernel.

        All of them in turn, several times over: the clock may change on the way.
        """
        native = ctypes.CDLL(library)
        held = [_bound(spec) for spec in kernels]
        operations, cycle, latency = 0.0, inf, inf
        best = [inf] * len(held)
        for _ in range(TURNS):
            operations = max(operations, self.peak(library, peak_seconds / TURNS)["operations"])
            cycle = min(cycle, _seconds(native.polydl_cycle))
            latency = min(latency, _seconds(native.polydl_latency))
            for index, kernel in enumerate(held):
                once = self._timer.sample(kernel, 1).seconds
                calls = max(1, int(kernel_seconds / TURNS / min(once, best[index])))
                best[index] = min(best[index], self._timer.sample(kernel, calls).seconds)
        return {"operations": operations, "cycle": cycle, "latency": latency, "kernels": best}

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


def _bound(spec: dict[str, Any]) -> Executable:
    """A kernel with ones for inputs, laid out for timing."""
    kernel = load(spec)
    ones = {
        buffer["name"]: np.ones(buffer["layout"]["shape"])
        for buffer in spec["buffers"]
        if buffer["role"] == "input"
    }
    kernel.bind(Inputs(ones), "timing", np.zeros(1))
    return kernel


def _seconds(chain: Any) -> float:
    """The least of a few runs of a chain in ceilings.c."""
    chain.restype, chain.argtypes = ctypes.c_double, (ctypes.c_long,)
    return float(min(chain(CHAIN_ROUNDS) for _ in range(3)))


if __name__ == "__main__":
    sys.exit(main(CeilingsSession))
