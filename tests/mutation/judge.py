"""What becomes of a mutant: verification's verdict, and another judge of what it lets through.

The other judge knows no reference. It runs the mutant and the kernel that it was made from on
inputs that verification does not use - other seeds, and floats with random mantissas and exponents
from -30 to 30 - on one and two threads, and compares all outputs bit by bit. Other bits are an
escape, unless the mutant rounds otherwise: another order of a sum, or a coefficient's last digits.
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
from compiler.problem.dtypes import EPS
from compiler.problem.exact import exact_form
from compiler.problem.inputs import random_inputs
from compiler.problem.primitive import Primitive
from compiler.problem.reference import magnitude, rounded
from compiler.problem.signs import growth
from compiler.schedule.layout import Array
from harness.failure import Failure
from harness.kernel.build import build
from harness.kernel.expectation import prepare, terms_of
from harness.kernel.load import ExecutableSpec, LoadError, kernel_spec, load
from harness.kernel.memory import Placement
from harness.kernel.problem_data import Inputs
from harness.kernel.toolchain import Toolchain
from harness.kernel.verify import FACTOR, SMALLEST
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

EQUIVALENT, OTHER_ROUNDING = "equivalent", "other rounding"
ESCAPED, NOT_COMPILED = "ESCAPED", "not compiled"
NOT_CAUGHT = (EQUIVALENT, OTHER_ROUNDING, ESCAPED)
KILLERS = {  # by what verification says
    "cannot load": NOT_COMPILED,  # it names what nobody defines
    "exact round": "exact round",
    "negated round": "exact round",
    "planted round": "exact round",
    "far round": "exact round",
    "of the magnitude": "float round",
    "two runs": "determinism",
    "wrote outside": "canaries",
    "changed its input": "canaries",
}


@dataclass(frozen=True)
class Verdict:
    """`by` is what ended a mutant, or that it is equivalent, rounds the same otherwise, escaped or
    does not compile."""

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
            if self._rounds_otherwise(spec):
                return Verdict(OTHER_ROUNDING)
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
        """Digests of all outputs on each of the inputs; `kept` is where those of the last go."""
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
                        np.save(kept / f"kept.{tensor.name}.npy", values, allow_pickle=False)
        return found

    def _rounds_otherwise(self, spec: ExecutableSpec) -> bool:
        """Whether it computes the same but for roundings: on small integers the same where these
        are exact, elsewhere no further away than roundings take both from the truth."""
        integers = [_integers(self.inputs[0], np.random.default_rng(s)) for s in INTEGER_SEEDS]
        exact = exact_form(self.primitive).statements
        for tensors in integers:
            _, roundings = rounded(self.primitive, tensors, exact)
            if not self._near(spec, tensors, roundings, FACTOR if exact else np.inf):
                return False
        allowed = max(terms_of(self.primitive), FACTOR * max(growth(self.primitive).values()))
        return all(
            self._near(spec, tensors, magnitude(self.primitive, tensors), allowed)
            for tensors in self.inputs
        )

    def _near(
        self, spec: ExecutableSpec, inputs: Tensors, scale: Mapping[str, Array], factor: float
    ) -> bool:
        """Whether no output differs from the right kernel's by more than 2 * factor * eps * scale,
        which says nothing where it is infinite or no number."""
        for name, (one, two) in self._outputs(spec, inputs).items():
            with np.errstate(all="ignore"):
                allowed = np.nan_to_num(2 * factor * EPS * scale[name], nan=np.inf)
                same = (one == two) | (np.isnan(one) & np.isnan(two)) | np.isinf(allowed)
                if not (same | (np.abs(one - two) <= allowed + SMALLEST)).all():
                    return False
        return True

    def _outputs(self, spec: ExecutableSpec, inputs: Tensors) -> dict[str, tuple[Array, Array]]:
        """Of the right kernel and of another one, by tensor."""
        found: list[dict[str, Array]] = []
        for kernel in (self.right_spec, spec):
            isolated(partial(self._run, kernel, [inputs], 1, self.folder), self.seconds)
            names = (t.name for t in self.primitive.tensors if t.role == "output")
            found.append(
                {
                    name: np.load(self.folder / f"kept.{name}.npy").astype(np.float64)
                    for name in names
                }
            )
        return {name: (one, found[1][name]) for name, one in found[0].items()}


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
