"""Schedules to libraries, for one unit: several C compilers side by side, each kernel once."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import psutil

from compiler.codegen.kernel import Kernel
from compiler.pipeline import compile_schedule
from compiler.schedule.schedule import Schedule
from harness.baseline.product_library import build_kernel, library_versions
from harness.failure import Failure
from harness.kernel.build import Built
from harness.kernel.load import kernel_spec
from harness.kernel.memory import beyond_memory
from harness.kernel.toolchain import Toolchain
from harness.strategy.strategy import Choice
from harness.trial.prepared import Candidate
from harness.trial.reason import reason_of
from harness.unit import Unit


@dataclass(frozen=True)
class Compiled:
    """A candidate with its library, or where it fell.

    `seconds` are its share of the wall time that printing and compiling took.
    """

    candidate: Candidate
    seconds: float
    cached: bool = False


class Workshop:
    """What two strategies share is compiled once, paid by both."""

    def __init__(self, unit: Unit, toolchain: Toolchain, jobs: int) -> None:
        """`jobs` C compilers run at a time."""
        self.kernels: dict[str, str] = {}  # C texts by hash
        self._unit = unit
        self._toolchain = toolchain
        self._jobs = jobs
        self._known: dict[Schedule, Compiled] = {}

    def compiled(self, choices: Sequence[Choice]) -> list[Compiled]:
        """Each choice's kernel, built; a failure is part of the value."""
        new = [choice.schedule for choice in choices if choice.schedule not in self._known]
        self._known.update(self._together(list(dict.fromkeys(new))))
        found = []
        for choice in choices:
            known = self._known[choice.schedule]
            own = replace(
                known.candidate,
                predicted=choice.predicted,
                places=choice.places,
                rank=choice.rank,
            )
            found.append(replace(known, candidate=own))
        return found

    def library_versions(self, candidates: Iterable[Candidate]) -> Mapping[str, str]:
        """Of the libraries that kernels of these candidates call."""
        called = (name for candidate in candidates for name in candidate.libraries)
        return library_versions(called, self._toolchain)

    def _printed(self, schedule: Schedule) -> Kernel:
        return compile_schedule(self._unit.problem.primitive, schedule, self._unit.numerics)

    def _together(self, schedules: Sequence[Schedule]) -> dict[Schedule, Compiled]:
        """Printed one after the other, since isl is for one thread; compiled as they come."""
        start = time.perf_counter()
        found: dict[Schedule, Compiled] = {}
        building: dict[Schedule, tuple[Candidate, Kernel, Future[_Timed]]] = {}
        with ThreadPoolExecutor(self._jobs) as pool:
            for schedule in schedules:
                candidate, began = Candidate(str(schedule)), time.perf_counter()
                try:
                    kernel = self._printed(schedule)
                except Exception as error:
                    failed = replace(candidate, failure=Failure("compile", reason_of(error)))
                    found[schedule] = Compiled(failed, _since(began))
                    continue
                free = psutil.virtual_memory().available
                if (large := beyond_memory(kernel, self._unit.threads, free)) is not None:
                    failed = replace(candidate, failure=Failure("compile", large))
                    found[schedule] = Compiled(failed, _since(began))
                    continue
                self.kernels.setdefault(kernel.hash, kernel.text)
                candidate = replace(
                    candidate,
                    kernel=kernel.hash,
                    openmp=kernel.openmp,
                    libraries=kernel.libraries,
                    layouts=_layouts(kernel),
                )
                building[schedule] = candidate, kernel, pool.submit(self._built, kernel, began)
        for schedule, (candidate, kernel, future) in building.items():
            found[schedule] = _compiled(candidate, kernel, future.result())
        worked = sum(one.seconds for one in found.values())
        share = _since(start) / worked if worked else 0.0
        return {s: replace(one, seconds=one.seconds * share) for s, one in found.items()}

    def _built(self, kernel: Kernel, began: float) -> _Timed:
        """`began` is when the kernel was about to be printed."""
        printed = _since(began)
        start = time.perf_counter()
        limit = self._unit.measure.compile_seconds
        built = build_kernel(kernel.text, kernel.openmp, kernel.libraries, self._toolchain, limit)
        return _Timed(built, printed + _since(start))


@dataclass(frozen=True)
class _Timed:
    built: Built | Failure
    seconds: float


def _compiled(candidate: Candidate, kernel: Kernel, timed: _Timed) -> Compiled:
    if isinstance(timed.built, Failure):
        return Compiled(replace(candidate, failure=timed.built), timed.seconds)
    ready = replace(candidate, executable=kernel_spec(kernel, timed.built.path))
    return Compiled(ready, timed.seconds, timed.built.cached)


def _layouts(kernel: Kernel) -> Mapping[str, str]:
    return {b.name: b.layout.tag() for b in kernel.buffers if b.layout is not None}


def _since(start: float) -> float:
    return time.perf_counter() - start
