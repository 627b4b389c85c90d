"""The floor: the statements as loops in their own order, and a C compiler at -O3."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from compiler.errors import CompilerError
from compiler.pipeline import compile_untransformed
from compiler.problem.primitive import Primitive
from harness.baseline.baseline import Available, Builder, Missing, Prepared, Unprepared
from harness.failure import Failure
from harness.kernel.build import build
from harness.kernel.c_compiler import NoCompiler
from harness.kernel.load import kernel_spec
from harness.kernel.toolchain import Toolchain
from harness.options import NoOptions
from harness.record.result import TuningSeconds
from harness.system_packages import installing_system

LEVEL = "-O3"


@dataclass(frozen=True)
class Naive:
    """The baseline. With several threads its outermost loops that may be are parallel."""

    toolchain: Toolchain
    name: str = "naive"

    @property
    def tunes(self) -> bool:
        return False

    def available(self) -> Available | Missing:
        found = self.toolchain.found
        if isinstance(found, NoCompiler):
            return Missing(found.reason, installing_system("gcc"))
        return Available(found.version)

    def supports(self, primitive: Primitive) -> str | None:
        return None

    def prepare(
        self, primitive: Primitive, threads: int, cores: tuple[int, ...] = ()
    ) -> Prepared | Unprepared:
        started = time.monotonic()
        compiler = self.toolchain.found
        if isinstance(compiler, NoCompiler):
            return Unprepared("plan", compiler.reason)
        try:
            kernel = compile_untransformed(primitive, threads)
        except CompilerError as refusal:
            return Unprepared("plan", str(refusal))
        built = build(kernel.text, kernel.openmp, self.toolchain, level=LEVEL)
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


def naive(options: NoOptions, toolchain: Toolchain) -> Naive:
    return Naive(toolchain)


NAIVE = Builder(NoOptions, naive)
