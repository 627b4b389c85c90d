"""Correct first: run an executable on every round of a problem and compare every output element.

Exact rounds must be met with `==`: their integers leave float32 nothing to round (compiler.problem.
exact), so a term that is dropped, doubled or taken from elsewhere cannot hide. Functions behind
exact sums and the float round are held to

    |out - expected| <= factor * eps(f32) * growth * scale

where `scale` is the reference computed on absolute values (for functions behind exact sums: the
roundings that must happen, see `rounding_of`) and `growth` counts statements, times sqrt(K) only
where all terms of a sum have one sign (compiler.problem.signs). The factor, 4 unless set, is three
times what sums of random signs were measured to need, for every K up to 500,000.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import cycle
from math import ceil, sqrt

import numpy as np

from compiler.problem.dtypes import EPS
from compiler.schedule.layout import Array
from harness.failure import Failure
from harness.kernel.load import Executable, LoadError
from harness.kernel.memory import Placement
from harness.kernel.problem_data import Numbers, ProblemData, Round

Call = Callable[[Executable, float], None]
FACTOR = 4.0
SMALLEST = 2.0**-126  # normal float32
BLOCK = 2**18  # elements compared at once

# Nothing that was in an output or a workspace before may show in a result, and each end of every
# buffer lies against a guard page. Every element is NaN, very large and very negative once: of
# these a maximum that was never initialised shows the second alone, a minimum the third.
SURROUNDINGS: tuple[tuple[Placement, Array], ...] = (
    ("end", np.array([np.nan])),
    ("start", np.array([1e30, -1e30])),
    ("end", np.array([-1e30, 1e30])),
)


@dataclass(frozen=True)
class Verified:
    """`max_error` is the worst |out - expected| / scale; it passes when <= `tolerance`.

    `rounds` counts what ran by kind. `decided` is the share of accumulators that decided an output
    in an exact round; `inexact` says why not all outputs were held to `==`, or none. `repeatable`
    says whether a second run with the same inputs gave the same bits, None with one thread.
    """

    max_error: float = 0.0
    tolerance: float = 0.0
    max_absolute: float = 0.0
    rounds: Mapping[str, int] = field(default_factory=dict)
    decided: float | None = None
    inexact: str | None = None
    repeatable: bool | None = None

    def with_worse(self, other: Verified) -> Verified:
        """The errors of whichever came nearer to its tolerance."""
        if other.max_error * self.tolerance <= self.max_error * other.tolerance:
            return self
        return replace(
            self,
            max_error=other.max_error,
            tolerance=other.tolerance,
            max_absolute=max(self.max_absolute, other.max_absolute),
        )


def verify(
    executable: Executable,
    data: ProblemData,
    factor: float = FACTOR,
    watch: Callable[[Executable], None] = lambda executable: None,
    threads: int = 1,
    call: Call = lambda executable, garbage: executable.run(),
) -> Verified | Failure:
    """Bind, run and compare, round by round; `watch` is called whenever there are new buffers.

    `call` runs the executable, and may put the garbage of the surroundings wherever else a kernel
    could find it.

    There is a run for each of the surroundings at least. With several threads every round runs
    twice, the second time on one thread, where what threads overwrite for each other stays as the
    last has left it; a kernel of ours must give the same bits. A library may sum in another order
    each time: that is noted. One whose algorithm is not exact (`numerics`, Winograd's) has the
    float round alone, and the errors that sqrt(K) allows.
    """
    numerics = executable.numerics
    rounds = data.rounds[:1] if numerics else data.rounds
    loose = sqrt(max(1, data.terms)) if numerics else 1.0
    surroundings = cycle(SURROUNDINGS)
    repeats = max(2 if threads > 1 else 1, ceil(len(SURROUNDINGS) / len(rounds)))
    found = Verified(
        tolerance=factor * EPS,
        rounds=dict(Counter(one.kind for one in rounds)),
        decided=None if numerics else data.decided,
        inexact=numerics or data.inexact,
        repeatable=None if threads == 1 else True,
    )
    for one in rounds:
        first: Mapping[str, Array] | None = None
        for number in range(repeats):
            alone = threads > 1 and number % 2 == 1
            executable.share(1 if alone else threads)
            outputs = _outputs(executable, data, one, next(surroundings), watch, call)
            executable.share(threads)
            if isinstance(outputs, Failure):
                return outputs
            if first is not None:
                differing = _differing(first, outputs)
                if differing is not None and threads > 1:
                    found = replace(found, repeatable=False)
                if differing is not None and not executable.library:
                    return Failure("verify", differing)
            errors = compared(outputs, one, factor, loose)
            if isinstance(errors, Failure):
                return errors
            found, first = found.with_worse(errors), outputs
    return found


def _outputs(
    executable: Executable,
    data: ProblemData,
    one: Round,
    surrounding: tuple[Placement, Array],
    watch: Callable[[Executable], None],
    call: Call,
) -> Mapping[str, Array] | Failure:
    """What one run makes of a round's inputs."""
    try:
        placement, garbage = surrounding
        executable.bind(one.inputs, placement, garbage)
        watch(executable)
        call(executable, float(garbage[0]))
        outputs = {name: executable.fetch(name, shape) for name, shape in data.shapes.items()}
    except LoadError as error:
        return Failure("verify", str(error))
    damage = executable.damage()
    return outputs if damage is None else Failure("verify", damage)


def _differing(one: Mapping[str, Array], two: Mapping[str, Array]) -> str | None:
    """The first bit in which two runs with the same inputs differ."""
    for name, values in one.items():
        wrong = values.view(np.uint32) != two[name].view(np.uint32)
        wrong &= ~(np.isnan(values) & np.isnan(two[name]))
        if wrong.any():
            where = _place(int(np.argmax(wrong)), values)
            return (
                f"two runs with the same inputs differ: {name}[{_shown(where)}] is "
                f"{values[where]:.9g}, then {two[name][where]:.9g} "
                f"({int(wrong.sum())} of {values.size} values differ)"
            )
    return None


def compared(
    outputs: Mapping[str, Array], one: Round, factor: float, loose: float = 1.0
) -> Verified | Failure:
    """Every output that a round says something of; `loose` widens its tolerances."""
    found = Verified(tolerance=factor * EPS)
    for name, expected in one.expected.items():
        if name in one.scale:
            tolerance = factor * EPS * max(one.growth[name], loose)
            errors = _near(name, outputs[name], expected, one.scale[name], tolerance)
        else:
            errors = _equal(name, outputs[name], expected, one.kind)
        if isinstance(errors, Failure):
            return errors
        found = found.with_worse(errors)
    return found


def _equal(name: str, values: Array, expected: Numbers, kind: str) -> Verified | Failure:
    if np.array_equal(values, expected):
        return Verified()
    with np.errstate(invalid="ignore"):
        wrong = (values != expected) & ~(np.isnan(values) & np.isnan(expected))
    count = int(wrong.sum())
    if count == 0:
        return Verified()
    where = _place(int(np.argmax(wrong)), values)
    return Failure(
        "verify",
        f"{name}[{_shown(where)}] is {values[where]:.9g}, expected {expected[where]:.9g} exactly "
        f"({kind} round; {count} of {values.size} values are wrong)",
    )


def _near(
    name: str, values: Array, expected: Numbers, scale: Numbers, tolerance: float
) -> Verified | Failure:
    """In blocks: whole arrays in float64 would not stay in any cache."""
    worst_error = worst_absolute = 0.0
    worst, wrong = 0, 0
    flat = [array.reshape(-1) for array in (values, expected, scale)]
    for start in range(0, values.size, BLOCK):
        got, wanted, allowed = (array[start : start + BLOCK] for array in flat)
        error = _distance(got, wanted)
        relative = _relative(error, allowed)
        # NaN counts as the worst of all, so that it cannot hide behind a comparison
        relative[np.isnan(relative)] = np.inf
        wrong += int((relative > tolerance).sum())
        at = int(np.argmax(relative))
        if relative[at] > worst_error:
            worst_error, worst = float(relative[at]), start + at
        worst_absolute = max(worst_absolute, float(error.max()))
    if not worst_error <= tolerance:
        where = _place(worst, values)
        return Failure(
            "verify",
            f"{name}[{_shown(where)}] is {values[where]:.7g}, expected {expected[where]:.7g} "
            f"(error {worst_error:.2g} of the magnitude, tolerance {tolerance:.2g}; "
            f"{wrong} of {values.size} values are wrong)",
        )
    return Verified(worst_error, tolerance, worst_absolute)


def _distance(values: Array, expected: Numbers) -> Numbers:
    """|values - expected|, 0 where both are the same infinity or no number.

    Nothing is asked of numbers so small that float32 may flush them to 0.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        distance = np.abs(values - expected)
        agree = (values == expected) | (np.isnan(values) & np.isnan(expected))
    distance[agree | (distance <= SMALLEST)] = 0.0
    return distance


def _relative(error: Numbers, scale: Numbers) -> Numbers:
    """error / scale; where the scale is 0 nothing may err, where it is infinite all may."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        divided = error / scale
    divided[(error == 0) | np.isposinf(scale)] = 0.0
    return divided


def _place(flat: int, values: Array) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(flat, values.shape))


def _shown(where: tuple[int, ...]) -> str:
    return ", ".join(map(str, where))
