"""Prints what remainders cost beside whole vectors (see README.md here)."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from compiler.pipeline import compile_schedule, ranked_schedules
from compiler.problem.architecture import Architecture
from compiler.problem.dtypes import F32
from compiler.problem.inputs import random_inputs
from compiler.problem.specification import primitive_from
from harness.failure import Failure
from harness.kernel.build import Built, build
from harness.kernel.load import kernel_spec, load
from harness.kernel.problem_data import Inputs
from harness.kernel.toolchain import Toolchain
from harness.measure.ceilings import host_architecture
from harness.measure.native import Timer, timing_library
from harness.settings import cache_folder

WHOLE = 4  # vectors, or steps of points
SAMPLES, SAMPLE_SECONDS = 25, 2e-4  # the fastest counts: the machine may be shared
GARBAGE = np.array([np.nan], np.float32)
W = ["n + width"]  # what is read has rows as long beside a remainder as beside whole vectors
MATRICES = {"a": ["m", "k"], "b": ["k", *W], "c": ["m", "n"]}


@dataclass(frozen=True)
class Case:
    """A primitive whose loop `loop` grows; `step` of it are whole, the lanes where it is None."""

    name: str
    spec: dict[str, Any]
    loop: str = "n"
    step: int | None = None


def _spec(
    sizes: dict[str, int], tensors: dict[str, list[str]], *lines: str, **more: Any
) -> dict[str, Any]:
    """All tensors lie as they are written, but for constant ones."""
    plain = sorted(set(tensors) - set(more.get("constant", ())))
    fixed = {"name": "nest", "sizes": {**sizes, "n": 16}, "tensors": tensors}
    return {**fixed, "statements": list(lines), "plain": plain, **more}


def cases() -> Iterator[Case]:
    product, relu = "c[m,n] += a[m,k] * b[k,n]", "c[m,n] = max(c[m,n], 0)"
    sizes = {"m": 48, "k": 64}
    packed = {**MATRICES, "b": ["k", "n"]}
    yield Case("product, b packed", _spec(sizes, packed, product, constant=["b"]))
    yield Case("product", _spec(sizes, MATRICES, product))
    yield Case("product, maximum", _spec(sizes, MATRICES, product, relu))
    yield Case("product, its rows", _spec({"k": 64}, MATRICES, product), loop="m", step=8)
    sizes, both = {"m": 64}, {"x": ["m", *W], "y": ["m", "n"]}
    yield Case("element-wise", _spec(sizes, both, "y[m,n] = 2 * x[m,n] + 1"))
    free = {"x": ["m", "n"], "b": ["n"], "y": ["m", "n"]}
    yield Case("bias, any layout", _spec(sizes, free, "y[m,n] = x[m,n] + b[n]", plain=[]))
    yield Case("exp", _spec(sizes, both, "y[m,n] = exp(x[m,n])"))
    column = {"x": ["m", *W], "y": ["n"]}
    yield Case("maximum of columns", _spec(sizes, column, "y[n] = max(y[n], x[m,n])"))
    yield Case("sum of columns", _spec(sizes, column, "y[n] += x[m,n]"))
    image = {"x": ["h + 2", "n + 2"], "w": ["i", "j"], "y": ["h", "n"]}
    sizes = {"h": 32, "i": 3, "j": 3}
    yield Case("window over columns", _spec(sizes, image, "y[h,n] += x[h+i,n+j] * w[i,j]"))


def nanoseconds(
    spec: dict[str, Any], machine: Architecture, toolchain: Toolchain, timer: Timer, moved: int
) -> tuple[float, str]:
    """Of one call of the first choice, its operands in the nearest cache.

    Outputs begin `moved` elements behind a line's start, which they leave free at their end.
    """
    primitive = primitive_from(spec)
    schedule = ranked_schedules(primitive, machine, limit=1)[0].schedule
    kernel = compile_schedule(primitive, schedule)
    built = build(kernel.text, kernel.openmp, toolchain)
    if not isinstance(built, Built):
        raise SystemExit(built.reason)
    executable = load(kernel_spec(kernel, built.path))
    executable.bind(Inputs(random_inputs(primitive, 0)), "timing", GARBAGE)
    places = (ctypes.c_uint64 * len(kernel.buffers)).from_address(executable.argument)
    for number, buffer in enumerate(kernel.buffers):
        places[number] += moved * buffer.dtype.bytes if buffer.role == "output" else 0
    calls = max(1, int(SAMPLE_SECONDS / timer.sample(executable, 20).seconds))
    found = min(timer.sample(executable, calls).seconds for _ in range(SAMPLES))
    executable.close()
    return found * 1e9, str(schedule)


def main() -> None:
    core = int(sys.argv[1]) if len(sys.argv) > 1 else max(os.sched_getaffinity(0))
    toolchain = Toolchain.opened(cache_folder())
    machine = host_architecture(toolchain, core)
    os.sched_setaffinity(0, {core})
    library = timing_library(toolchain)
    if isinstance(library, Failure):
        raise SystemExit(library.reason)
    timer = Timer(library)
    table = Table("nest", "worst", "ns", "whole, ns", "of what it may take", "schedule")
    for case in cases():
        rows = list(_rows(case, machine, toolchain, timer))
        for row in rows if "-v" in sys.argv else [max(rows, key=lambda row: row[-1])]:
            extent, time, whole, schedule, share = row
            where = f"{case.loop}={extent}"
            table.add_row(case.name, where, f"{time:.0f}", f"{whole:.0f}", f"{share:.2f}", schedule)
    Console(width=160).print(table)


def _rows(
    case: Case, machine: Architecture, toolchain: Toolchain, timer: Timer
) -> Iterator[tuple[int, float, float, str, float]]:
    """Of each remainder: extent, its time and its whole neighbour's, schedule, share.

    The share is of what it may take: its part of the whole neighbour below, and one vector more.
    Rows beside a remainder begin anywhere in a line, which takes a store into two of them half as
    long again: so does what the neighbour writes.
    """
    step = case.step or machine.lanes(F32)

    def timed(extent: int, width: int, moved: int) -> tuple[float, str]:
        sizes = {**case.spec["sizes"], case.loop: extent}
        if W in (shape[-1:] for shape in case.spec["tensors"].values()):
            sizes["width"] = width if case.loop == "n" else 0
        return nanoseconds({**case.spec, "sizes": sizes}, machine, toolchain, timer, moved)

    for extent in range(step + 1, WHOLE * step):
        below = extent // step
        if over := extent % step:
            time, schedule = timed(extent, 1, 0)
            whole, _ = timed(below * step, 1 + over, over)
            yield extent, time, whole, schedule, time / (whole / below * (extent / step + 1))


if __name__ == "__main__":
    main()
