"""Many kernels in one C file: compiled together, called one by one, compared with their oracles."""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from compiler.codegen.generate import generate, untransformed
from compiler.codegen.kernel import SYMBOL, Kernel
from compiler.lower.fit import fitted
from compiler.lower.lowered import lowered
from compiler.model.loop_nest import loop_nest
from compiler.problem.inputs import random_inputs
from compiler.problem.primitive import Primitive
from compiler.problem.reference import magnitude, reference
from compiler.schedule.schedule import Schedule
from compiler.space.scalar import as_written
from tests.compiler.codegen.targets import NATIVE, VARIANTS

Arrays = Mapping[str, npt.NDArray[np.floating[Any]]]
Case = tuple[Primitive, Schedule]
FLAGS = (
    "-march=native",
    "-ffp-contract=fast",
    "-Wno-psabi",
    "-Wno-unknown-pragmas",
    "-fPIC",
    "-fopenmp-simd",
)
# nothing is read before it is set, as far as the optimisation level lets the compiler see it
WARNINGS = ("-Wall", "-Wextra", "-Werror=uninitialized", "-Werror=maybe-uninitialized")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # threads that spin cost tests their time
CANARY = 64  # elements kept on both sides of every buffer, which no kernel may write


@dataclass(frozen=True)
class Build:
    """A compilation under way; `library` waits for it."""

    process: subprocess.Popen[bytes]
    path: Path

    def library(self) -> ctypes.CDLL:
        assert self.process.wait(timeout=120) == 0, f"{self.path.with_suffix('.c')} not compiled"
        return ctypes.CDLL(str(self.path))


def combined(kernels: Sequence[Kernel]) -> str:
    """One C text of all kernels, the i-th under the symbol `kernel_i`.

    Each text keeps its own types and functions: names get the kernel's number. Under the usual
    symbol stands the one whose number is in `chosen`.
    """
    texts = []
    for i, kernel in enumerate(kernels):
        text = re.sub(rf"\b{SYMBOL}\b", f"kernel_{i}", kernel.text)
        text = re.sub(
            r"\b(tile\d+|pack_\w+|vec|vec_\w+|join_\w+|whole|mask|loose|shuffle|pick)\b",
            rf"\1_of_{i}",
            text,
        )
        macros = set(re.findall(r"^#define (\w+)", text, re.MULTILINE))
        texts.append(text + "".join(f"#undef {macro}\n" for macro in sorted(macros)))
    symbols = ", ".join(f"kernel_{i}" for i in range(len(kernels)))
    texts.append(
        f"int chosen;\nstatic void (*const kernels[])(void *const *) = {{{symbols}}};\n"
        f"void {SYMBOL}(void *const *buffers) {{ kernels[chosen](buffers); }}\n"
    )
    return "\n".join(texts)


def start_build(
    kernels: Sequence[Kernel],
    folder: Path,
    name: str,
    level: str = "-O1",
    variant: str = NATIVE,
) -> Build:
    """Compile one shared library of all kernels, as a variant of tests.compiler.codegen.targets.

    clang leaves pragmas of threads out: a library of threads that it can link is a package more.
    """
    source, library = folder / f"{name}.c", folder / f"{name}.so"
    source.write_text(combined(kernels))
    compiler, *target = VARIANTS[variant]
    if compiler != "clang":
        target += WARNINGS
    if compiler != "clang" and any(kernel.openmp for kernel in kernels):
        target.append("-fopenmp")
    command = [compiler, level, *FLAGS, *target, "-shared"]
    return Build(subprocess.Popen([*command, "-o", library, source, "-lm"]), library)


def build_batch(kernels: Sequence[Kernel], folder: Path, name: str) -> ctypes.CDLL:
    """The library of `start_build`, loaded."""
    return start_build(kernels, folder, name).library()


def call(library: ctypes.CDLL, index: int, kernel: Kernel, inputs: Arrays) -> Arrays:
    """Run one kernel of a batch on row-major inputs; row-major outputs.

    Buffers lie between canaries; outputs and workspaces start as NaN, which nothing may depend on.
    """
    held, arrays = [], []
    threads = getattr(library, "omp_get_max_threads", lambda: 1)()
    for buffer in kernel.buffers:
        elements = buffer.elements_on(threads)
        storage = np.full(elements + 3 * CANARY, np.nan, buffer.dtype.numpy)
        first = CANARY + (-storage[CANARY:].ctypes.data % 64) // buffer.dtype.bytes
        array = storage[first : first + elements]
        if buffer.layout is not None and buffer.name in inputs:
            array[:] = buffer.layout.pack(inputs[buffer.name])
        held.append((storage, first))
        arrays.append(array)
    pointers = (ctypes.c_void_p * len(arrays))(*(a.ctypes.data for a in arrays))
    library[f"kernel_{index}"](pointers)
    for buffer, array, (storage, first) in zip(kernel.buffers, arrays, held, strict=True):
        around = (storage[:first], storage[first + len(array) :])
        assert all(np.isnan(part).all() for part in around), f"wrote outside {buffer.name}"
    return {
        buffer.name: buffer.layout.unpack(array)
        for buffer, array in zip(kernel.buffers, arrays, strict=True)
        if buffer.role == "output" and buffer.layout is not None
    }


@dataclass(frozen=True)
class Expected:
    """What numpy computes in float64 for one problem, and how far a kernel may be from it."""

    inputs: Arrays
    values: Mapping[str, npt.NDArray[np.float64]]
    bounds: Mapping[str, npt.NDArray[np.float64]]

    def compare(self, found: Arrays, what: str) -> None:
        """Every output against the reference, element by element."""
        assert set(found) == set(self.values)
        for name, values in found.items():
            wanted = self.values[name].reshape(values.shape)
            bound = self.bounds[name].reshape(values.shape)
            with np.errstate(invalid="ignore"):  # infinities are equal or wrong
                wrong = (values != wanted) & ~(np.abs(values - wanted) <= bound)
            assert not wrong.any(), f"{name}: {int(wrong.sum())} of {wrong.size} wrong: {what}"

    def compare_with(self, found: Arrays, other: Arrays, what: str) -> None:
        """Two kernels of one problem: twice the bound, for each may err to its own side."""
        for name, values in found.items():
            bound = 2 * self.bounds[name].reshape(values.shape)
            left, right = values, other[name].reshape(values.shape)
            with np.errstate(invalid="ignore"):
                same = (left == right) | (np.abs(left - right) <= bound)
            assert same.all(), f"{name}: differs from the untransformed nest: {what}"


def expected_of(primitive: Primitive, seed: int = 0, slack: float = 4.0) -> Expected:
    """Both arrays of a problem; the bound is `slack` * K * epsilon * magnitude, K at least 16."""
    inputs = random_inputs(primitive, seed)
    terms = sum(
        max(16, int(np.prod([dict(primitive.extents)[loop] for loop in s.reduction_loops])))
        for s in primitive.statements
    )
    scale = slack * terms * float(np.finfo(primitive.dtype.numpy).eps)
    bounds = {name: scale * m + 1e-30 for name, m in magnitude(primitive, inputs).items()}
    return Expected(inputs, reference(primitive, inputs), bounds)


def check_cases(
    cases: Sequence[Case],
    folder: Path,
    name: str,
    parts: int = 2,
    level: str = "-O0",
    variant: str = NATIVE,
) -> None:
    """Generate, compile (in `parts` files at once), run and compare with both oracles.

    The untransformed nest of every problem is built beside its kernels.
    """
    by_problem: dict[Primitive, list[Schedule]] = {}
    for primitive, schedule in cases:
        by_problem.setdefault(primitive, []).append(schedule)
    jobs: list[tuple[Primitive, Schedule, Kernel]] = []
    for primitive, schedules in by_problem.items():
        nest = loop_nest(primitive).nest
        written = as_written(nest)
        jobs.append((primitive, written, untransformed(lowered(nest, written))))
        for schedule in schedules:
            jobs.append((primitive, schedule, generate(fitted(nest, schedule))))
    size = -(-len(jobs) // parts)
    chunks = [jobs[i : i + size] for i in range(0, len(jobs), size)]
    builds = [
        start_build([kernel for _, _, kernel in chunk], folder, f"{name}{i}", level, variant)
        for i, chunk in enumerate(chunks)
    ]
    plain: dict[Primitive, Arrays] = {}
    expected: dict[Primitive, Expected] = {}
    for chunk, build in zip(chunks, builds, strict=True):
        library = build.library()
        for index, (primitive, schedule, kernel) in enumerate(chunk):
            if primitive not in expected:
                expected[primitive] = expected_of(primitive)
            oracle, what = expected[primitive], f"{primitive.name} {primitive.sizes} {schedule}"
            found = call(library, index, kernel, oracle.inputs)
            oracle.compare(found, what)
            plain.setdefault(primitive, found)
            oracle.compare_with(found, plain[primitive], what)
