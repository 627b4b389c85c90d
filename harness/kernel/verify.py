"""Correct first: run an executable on random inputs and compare it with the float64 reference.

The bound, for every element of an output:

    |out - expected| <= factor * eps(f32) * sqrt(K) * magnitude

K is the reduction length, `magnitude` the reference computed on absolute values. Rounding errors
of a sum of K terms grow like sqrt(K) when they are independent (Higham, Accuracy and Stability of
Numerical Algorithms, 2nd ed., 4.2); the factor, 4 unless set, leaves room for the error of
the inputs' products and for polynomials of a few ulp, and is far below a term left out (1/K).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import sqrt
from pathlib import Path

import numpy as np

from compiler.schedule.layout import Array
from harness.failure import Failure
from harness.kernel.first_result import compare_with_first
from harness.kernel.load import Executable, LoadError
from harness.kernel.memory import Placement
from harness.kernel.problem_data import Float64, ProblemData

EPS = 2.0**-23
FACTOR = 4.0

# Two runs: nothing that was in an output or a workspace before may show in the result, and each
# end of every buffer lies against a guard page once. Signs alternate, so that neither a maximum
# nor a minimum that was never initialised passes.
ROUNDS: tuple[tuple[Placement, tuple[float, ...]], ...] = (
    ("end", (np.nan,)),
    ("start", (1e30, -1e30)),
)


@dataclass(frozen=True)
class Verified:
    """`max_error` is the worst |out - expected| / magnitude; it passes when <= `tolerance`."""

    max_error: float
    tolerance: float
    max_absolute: float


def verify(
    executable: Executable,
    data: ProblemData,
    factor: float = FACTOR,
    watch: Callable[[Executable], None] = lambda executable: None,
    folder: Path | None = None,
) -> Verified | Failure:
    """Bind, run and compare; `watch` is called whenever the executable has new buffers.

    `folder` is where the data lies, for results that are only sampled (see first_result).
    """
    tolerance = factor * EPS * sqrt(max(1, data.reduction_length))
    worst = Verified(0.0, tolerance, 0.0)
    for placement, garbage in ROUNDS:
        try:
            executable.bind(data.inputs, placement, np.array(garbage, np.float32))
            watch(executable)
            executable.run()
            outputs = {name: executable.fetch(name, s) for name, s in data.shapes.items()}
        except LoadError as error:
            return Failure("verify", str(error))
        damage = executable.damage()
        if damage is not None:
            return Failure("verify", damage)
        found = compared(outputs, data, tolerance)
        if folder is not None and not isinstance(found, Failure):
            found = compare_with_first(outputs, data, folder, tolerance) or found
        if isinstance(found, Failure):
            return found
        worst = Verified(
            max(worst.max_error, found.max_error),
            tolerance,
            max(worst.max_absolute, found.max_absolute),
        )
    return worst


def compared(
    outputs: Mapping[str, Array], data: ProblemData, tolerance: float
) -> Verified | Failure:
    """Every output against its reference, at the points for which there is one."""
    worst_error = worst_absolute = 0.0
    for name, expected in data.expected.items():
        points = data.points[name]
        values = outputs[name] if points is None else outputs[name][tuple(points.T)]
        error = _distance(values.astype(np.float64), expected)
        relative = _relative(error, data.magnitude[name])
        # NaN counts as the worst of all, so that it cannot hide behind a comparison
        flat = int(np.argmax(np.where(np.isnan(relative), np.inf, relative)))
        if not relative.flat[flat] <= tolerance:
            where = np.unravel_index(flat, error.shape) if points is None else points[flat]
            wrong = int((~(relative <= tolerance)).sum())
            return Failure(
                "verify",
                f"{name}[{', '.join(str(int(i)) for i in where)}] is {values.flat[flat]:.7g}, "
                f"expected {expected.flat[flat]:.7g} (error {relative.flat[flat]:.2g} of the "
                f"magnitude, tolerance {tolerance:.2g}; {wrong} of {error.size} values are wrong)",
            )
        worst_error = max(worst_error, float(relative.flat[flat]))
        worst_absolute = max(worst_absolute, float(error.max()))
    return Verified(worst_error, tolerance, worst_absolute)


def _distance(values: Float64, expected: Float64) -> Float64:
    """|values - expected|, 0 where both are the same infinity."""
    with np.errstate(invalid="ignore"):
        distance: Float64 = np.where(values == expected, 0.0, np.abs(values - expected))
    return distance


def _relative(error: Float64, magnitude: Float64) -> Float64:
    """error / magnitude; where the magnitude is 0 the result must be exact."""
    divided = np.divide(error, magnitude, out=np.zeros_like(error), where=magnitude != 0)
    exact: Float64 = np.where((magnitude == 0) & (error != 0), np.inf, divided)
    return exact
