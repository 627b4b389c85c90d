"""The floor: the statements as loops in their own order, and a C compiler at -O3."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from compiler.codegen.kernel import Kernel
from compiler.errors import CompilerError, ScheduleError
from compiler.pipeline import compile_as_written
from compiler.problem.primitive import Primitive
from compiler.schedule.candidates import scalar_schedule, with_parallel
from harness.baseline.baseline import Available, Missing, Prepared, Unprepared
from harness.errors import EnvironmentProblem
from harness.failure import Failure
from harness.kernel.build import CCompiler, build, compiler_found
from harness.kernel.load import kernel_spec
from harness.record.result import TuningSeconds

LEVEL = "-O3"


@dataclass(frozen=True)
class Naive:
    """The baseline. With several threads its outermost loops that may be are parallel."""

    cache_dir: Path
    name: str = "naive"

    @property
    def tunes(self) -> bool:
        return False

    def available(self) -> Available | Missing:
        compiler = _compiler()
        return compiler if isinstance(compiler, Missing) else Available(compiler.version)

    def supports(self, primitive: Primitive) -> str | None:
        return None

    def prepare(
        self, primitive: Primitive, threads: int, cores: tuple[int, ...] = ()
    ) -> Prepared | Unprepared:
        started = time.monotonic()
        compiler = _compiler()
        if isinstance(compiler, Missing):
            return Unprepared("plan", str(compiler))
        try:
            kernel = _kernel(primitive, threads)
        except CompilerError as refusal:
            return Unprepared("plan", str(refusal))
        built = build(kernel.text, kernel.openmp, compiler, self.cache_dir, level=LEVEL)
        spent = TuningSeconds(compile=time.monotonic() - started)
        if isinstance(built, Failure):
            return Unprepared(built.stage, built.reason, spent)
        threaded = ", OpenMP" if kernel.openmp else ", one thread" if threads > 1 else ""
        facts = {
            "implementation": f"untransformed nest, {Path(compiler.path).name} {LEVEL}{threaded}",
            "version": compiler.version,
            "compiler_flags": " ".join(compiler.flags(kernel.openmp, LEVEL)),
        }
        return Prepared(kernel_spec(kernel, built.path), spent, built.cached, facts)


def naive(options: Mapping[str, object], cache_dir: Path) -> Naive:
    """The baseline; its only setting is its label."""
    return Naive(cache_dir)


def _kernel(primitive: Primitive, threads: int) -> Kernel:
    """On one thread after all where no outermost loop of all statements may be parallel."""
    schedule = scalar_schedule(primitive)
    try:
        return compile_as_written(primitive, with_parallel(primitive, schedule, threads))
    except ScheduleError:
        return compile_as_written(primitive, schedule)


def _compiler() -> CCompiler | Missing:
    try:
        return compiler_found()
    except EnvironmentProblem as problem:
        return Missing(str(problem), "apt-get install gcc")
