"""What becomes of a mutant: verification's verdict, and another judge of what it lets through.

The other judge knows no reference and no tolerance. It runs the mutant and the kernel that it was
made from on inputs that verification does not use - other seeds, and floats with random mantissas
and exponents from -30 to 30 - on one and two threads, and compares all outputs bit by bit.
"""

from __future__ import annotations

import hashlib
import os
import resource
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from compiler.codegen.kernel import Kernel
from compiler.problem.evaluation import EPS
from compiler.problem.inputs import random_inputs
from compiler.problem.primitive import Primitive
from harness.failure import Failure
from harness.kernel.build import build
from harness.kernel.expectation import prepare, terms_of
from harness.kernel.load import ExecutableSpec, LoadError, kernel_spec, load
from harness.kernel.memory import Placement
from harness.kernel.problem_data import Inputs
from harness.kernel.toolchain import Toolchain
from harness.kernel.verify import FACTOR
from harness.measure.native import Timer, timing_library
from harness.measure.session import Session
from tests.mutation.isolation import STUCK_SECONDS, Died, isolated

Tensors = Mapping[str, npt.NDArray[np.float32]]
LEVEL = "-O1"  # compiles in half the time of the build's level
VERIFIED_SEED, SEEDS, WIDE_SEEDS = 0, (101, 102, 103), (104, 105)
INTEGER_SEEDS = (106, 107, 108)
EXPONENTS = (-30, 30)
GARBAGE: tuple[tuple[Placement, float], ...] = (("end", np.nan), ("start", 7e29))
PATIENCE, SHORTEST = 10, 0.25  # times the right kernel's seconds, and at least so many

EQUIVALENT, OTHER_ORDER = "equivalent", "other order"
ESCAPED, NOT_COMPILED = "ESCAPED", "not compiled"
NOT_CAUGHT = (EQUIVALENT, OTHER_ORDER, ESCAPED)
KILLERS = {  # by what verification says
    "cannot load": NOT_COMPILED,  # it names what nobody defines
    "exact round": "exact round",
    "negated round": "exact round",
    "planted round": "exact round",
    "of the magnitude": "float round",
    "two runs": "determinism",
    "wrote outside": "canaries",
    "changed its input": "canaries",
}


@dataclass(frozen=True)
class Verdict:
    """`by` is what ended a mutant, or that it is equivalent, sums the same terms in another order,
    escaped or does not compile."""

    by: str
    reason: str = ""


class Judge:
    """Of the mutants of one kernel; `folder` is for the problem's data, which is written once."""

    def __init__(
        self, primitive: Primitive, kernel: Kernel, toolchain: Toolchain, folder: Path
    ) -> None:
        self.primitive, self.kernel = primitive, kernel
        self.toolchain, self.folder = toolchain, folder
        self.threads = (1, 2) if kernel.openmp else (1,)
        prepare(primitive, VERIFIED_SEED, folder)
        timer = timing_library(toolchain)
        assert not isinstance(timer, Failure), timer
        self.timer = timer
        self.inputs: list[Tensors] = [random_inputs(primitive, seed) for seed in SEEDS]
        self.inputs += [_wide(self.inputs[0], np.random.default_rng(seed)) for seed in WIDE_SEEDS]
        right = self._built(kernel.text)
        assert not isinstance(right, Failure), right
        self.right_spec = right
        self.seconds = STUCK_SECONDS
        before = _seconds_of_children()
        refused = self._verified(right)
        assert refused is None, refused
        self.seconds = SHORTEST + PATIENCE * (_seconds_of_children() - before)
        self.right = self._digests(right)
        one_thread = self.right[: len(self.right) // len(self.threads)]
        assert self.right == one_thread * len(self.threads)

    def verdict(self, text: str) -> Verdict:
        """Of the kernel with this text instead of its own."""
        spec = self._built(text)
        if isinstance(spec, Failure):
            return Verdict(NOT_COMPILED, spec.reason)
        caught = self._verified(spec)
        if caught is not None:
            return caught
        try:
            if self._digests(spec) == self.right:
                return Verdict(EQUIVALENT)
            if self._sums_in_another_order(spec):
                return Verdict(OTHER_ORDER)
        except Died as died:
            return Verdict(ESCAPED, f"then died of signal {died.number}: {died}")
        return Verdict(ESCAPED, "other bits than the right kernel")

    def _built(self, text: str) -> ExecutableSpec | Failure:
        built = build(text, self.kernel.openmp, self.toolchain, level=LEVEL)
        return built if isinstance(built, Failure) else kernel_spec(self.kernel, built.path)

    def _verified(self, spec: ExecutableSpec) -> Verdict | None:
        """None when verification lets it pass."""

        def verify() -> object:
            os.environ["OMP_NUM_THREADS"] = str(max(self.threads))
            session = Session(self.timer, tuple(range(max(self.threads))))
            try:
                session.load(spec)
            except LoadError as error:
                return {"reason": str(error)}
            return session.verify(str(self.folder), FACTOR).get("failure")

        try:
            failure = isolated(verify, self.seconds)
        except Died as died:
            if died.timed_out:
                return Verdict("timeout")
            if died.number <= 0:
                raise
            fault = "fault: " in str(died)
            return Verdict("guard pages" if fault else "crash", str(died)[-200:])
        return Verdict(_killer(failure["reason"]), failure["reason"]) if failure else None

    def _digests(self, spec: ExecutableSpec) -> list[str]:
        """Of all outputs on all of the judge's inputs, a NaN being like any other."""
        found = []
        for threads in self.threads:
            found += isolated(partial(self._run, spec, self.inputs, threads), self.seconds)
        return found

    def _run(
        self, spec: ExecutableSpec, inputs: list[Tensors], threads: int, kept: Path | None = None
    ) -> list[str]:
        """Digests of all outputs on each of the inputs; `kept` is for the outputs of the last."""
        os.environ["OMP_NUM_THREADS"] = str(threads)
        executable, timer = load(spec), Timer(self.timer)
        found = []
        for number, tensors in enumerate(inputs):
            placement, garbage = GARBAGE[number % len(GARBAGE)]
            executable.bind(Inputs(tensors), placement, np.array([garbage], np.float32))
            timer.call(executable, garbage)
            for tensor in self.primitive.tensors:
                if tensor.role == "output":
                    values = executable.fetch(tensor.name, tensor.shape)
                    values[np.isnan(values)] = np.nan
                    found.append(hashlib.sha256(values.tobytes()).hexdigest())
                    if kept is not None:
                        np.save(kept, values, allow_pickle=False)
        return found

    def _sums_in_another_order(self, spec: ExecutableSpec) -> bool:
        """Whether one sum of products has the same terms: the same bits on small integers, and on
        floats no further away than roundings take it (K eps of the sum of magnitudes each)."""
        (statement, *others) = self.primitive.statements
        if others or statement.reduction != "add":
            return False
        integers = [_integers(self.inputs[0], np.random.default_rng(s)) for s in INTEGER_SEEDS]
        runs = [
            isolated(partial(self._run, kernel, integers, 1), self.seconds)
            for kernel in (self.right_spec, spec)
        ]
        if runs[0] != runs[1]:
            return False
        allowed = 2 * terms_of(self.primitive) * EPS
        for tensors in self.inputs:
            absolute = {name: np.abs(values) for name, values in tensors.items()}
            one, two, scale = (
                self._outputs(kernel, inputs)
                for kernel, inputs in (
                    (self.right_spec, tensors),
                    (spec, tensors),
                    (self.right_spec, absolute),
                )
            )
            if not (np.abs(one - two) <= allowed * scale).all():
                return False
        return True

    def _outputs(self, spec: ExecutableSpec, inputs: Tensors) -> npt.NDArray[np.float64]:
        kept = self.folder / "kept.npy"
        isolated(partial(self._run, spec, [inputs], 1, kept), self.seconds)
        return np.asarray(np.load(kept, allow_pickle=False), np.float64)


def _seconds_of_children() -> float:
    """Processor time, which does not depend on what else the machine does."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _killer(reason: str) -> str:
    for words, killer in KILLERS.items():
        if words in reason:
            return killer
    raise AssertionError(reason)


def _integers(like: Tensors, rng: np.random.Generator) -> Tensors:
    """From -3 to 3: their sums are exact in any order."""
    return {
        name: rng.integers(-3, 4, values.shape).astype(np.float32) for name, values in like.items()
    }


def _wide(like: Tensors, rng: np.random.Generator) -> Tensors:
    """Values of every size: random signs and mantissas, exponents as likely as each other."""
    low, high = EXPONENTS
    return {
        name: np.ldexp(
            rng.uniform(1, 2, values.shape) * rng.choice([-1, 1], values.shape),
            rng.integers(low, high + 1, values.shape),
        ).astype(np.float32)
        for name, values in like.items()
    }
