"""What a problem's outputs must be, computed from its own statements: in full, whatever its size.

One float round, then exact ones, of two seeds: an exchange of two operands can leave one sum as it
is. Where an output does not see every accumulator, negated inputs and further seeds follow. Behind
a maximum that keeps an exponential from overflowing, as in a softmax, values are far apart in some.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from math import ceil, prod
from pathlib import Path

import numpy as np
import numpy.typing as npt

from compiler.problem.deciding import all_decide, deciding
from compiler.problem.exact import ExactForm, exact_form, float_exponents
from compiler.problem.inputs import (
    RANDOM_DEVIATION,
    integer_inputs,
    planted_rounds,
    plantings,
    random_inputs,
)
from compiler.problem.iteration import meeting
from compiler.problem.primitive import Call, Expression, Primitive
from compiler.problem.reference import magnitude, reference, rounded
from compiler.problem.signs import growth
from harness.kernel.problem_data import Inputs, Kind, Numbers, ProblemData, Round, saving

SEEDS = 2
WIDE = 2.0**13  # between values whose exponentials differ by more than float32 holds
ENOUGH = 0.99  # of the accumulators have decided an output: no further seeds
GAIN = 0.02  # of the accumulators; a seed that adds less is the last one
MOST_SEEDS = 6
ARGUMENTS = 2**10  # of a function: one in twenty lies beyond 5
MOST_SEEDS_OF_FEW = 32
_KINDS: tuple[Kind, ...] = ("exact", "negated")


def computed(primitive: Primitive, seed: int) -> ProblemData:
    """All rounds of a problem, held in memory."""
    expectation = _Expectation(primitive, seed)
    rounds = tuple(expectation.rounds())
    return replace(expectation.told(), rounds=rounds)


def prepare(primitive: Primitive, seed: int, folder: Path) -> None:
    """All rounds of a problem in a folder of harness.kernel.problem_data, one at a time."""
    expectation = _Expectation(primitive, seed)
    with saving(folder) as kept:
        for one in expectation.rounds():
            kept.add(one)
        kept.finish(expectation.told())


@dataclass
class _Expectation:
    """The rounds of a problem, and what is known of them once they have been made."""

    primitive: Primitive
    seed: int

    def __post_init__(self) -> None:
        self._form = exact_form(self.primitive)
        self._decided = _Decided(self.primitive, self._form)

    def rounds(self) -> Iterator[Round]:
        yield _float_round(self.primitive, _random(self.primitive, self.seed))
        for kind, inputs in _inputs(self.primitive, self._form, self.seed, self._decided):
            yield _exact_round(self.primitive, self._form, kind, inputs)
        yield from _wide_rounds(self.primitive, self.seed)

    def told(self) -> ProblemData:
        return ProblemData(
            shapes={t.name: t.shape for t in self.primitive.tensors if t.role == "output"},
            rounds=(),
            terms=terms_of(self.primitive),
            decided=self._decided.share,
            inexact=self._form.why,
        )


def terms_of(primitive: Primitive) -> int:
    """Terms that flow into one element of an output, product over the statements."""
    extents = dict(primitive.extents)
    return prod(n for s in primitive.statements for _, n in meeting(s, extents) if s.reduction)


class _Decided:
    """The accumulators that have decided an output in some round so far."""

    def __init__(self, primitive: Primitive, form: ExactForm) -> None:
        self._primitive = primitive
        self._form = form
        self._all = all_decide(primitive) and form.largest > 0
        self._masks: dict[int, npt.NDArray[np.bool_]] = {}

    def see(self, inputs: Inputs) -> None:
        if self._all:
            return
        outputs = (*self._form.equal, *self._form.rounded)
        values = {name: inputs.values(name) for name in inputs.stored}
        for number, mask in deciding(
            self._primitive, values, self._form.statements, outputs
        ).items():
            self._masks[number] = mask | self._masks.get(number, np.False_)

    @property
    def share(self) -> float | None:
        if self._all:
            return 1.0
        size = sum(mask.size for mask in self._masks.values())
        return sum(int(mask.sum()) for mask in self._masks.values()) / size if size else None


def _inputs(
    primitive: Primitive, form: ExactForm, seed: int, decided: _Decided
) -> Iterator[tuple[Kind, Inputs]]:
    """Inputs of the exact rounds, as many as it takes."""
    if form.largest == 0:
        return
    for number in range(planted_rounds(primitive)):
        stored = integer_inputs(primitive, form.largest, seed, 1 + number % SEEDS, frozenset())
        stored |= _planted(primitive, stored, number, below=number % 2 == 1)
        inputs = Inputs(stored, form.exponents)
        decided.see(inputs)
        yield "planted", inputs
    least = _seeds_for_arguments(primitive) if form.negated else SEEDS
    before: float | None = 0.0
    for number in range(1, max(least, MOST_SEEDS) + 1):
        for kind in _KINDS if form.negated else _KINDS[:1]:
            if kind == "negated" and decided.share == 1.0:
                continue
            negated = form.negated if kind == "negated" else frozenset[str]()
            stored = integer_inputs(primitive, form.largest, seed, number, negated)
            inputs = Inputs(stored, form.exponents)
            decided.see(inputs)
            yield kind, inputs
        share = decided.share
        if number >= least and (
            share is None or before is None or share >= ENOUGH or share < before + GAIN
        ):
            return
        before = share


def _seeds_for_arguments(primitive: Primitive) -> int:
    """So many that a few arguments of functions and clips meet all of their range as well."""
    values = sum(t.elements for t in primitive.tensors if t.role == "output")
    return min(max(SEEDS, ceil(ARGUMENTS / values)), MOST_SEEDS_OF_FEW)


def _planted(
    primitive: Primitive, stored: Mapping[str, Numbers], number: int, below: bool
) -> dict[str, Numbers]:
    """The tensors of which a maximum or minimum is taken, another tap winning for every number."""
    rounds = planted_rounds(primitive)
    return {
        one.tensor: one.planted(stored[one.tensor], number * max(1, one.taps // rounds), below)
        for one in plantings(primitive)
    }


def _wide_rounds(primitive: Primitive, seed: int) -> Iterator[Round]:
    """Taps win by thousands: where x - max has the maximum of others all exponentials may be 0.

    Of two winners either is the larger one once. None where a right kernel overflows as well.
    """
    if not any(_calls(s.value, "exp") for s in primitive.statements):
        return
    for number, below in product(range(planted_rounds(primitive)), (False, True)):
        stored = random_inputs(primitive, seed + number)
        planted = _planted(primitive, stored, number, below)
        stored |= {name: values * np.float32(WIDE) for name, values in planted.items()}
        expected = reference(primitive, stored, np.float32)
        if all(bool(np.isfinite(values).all()) for values in expected.values()):
            one = _float_round(primitive, Inputs(stored))
            # what float32 flushes to 0, or holds in few bits, differs by its smallest numbers
            scale = {name: values + np.float32(2.0**-100) for name, values in one.scale.items()}
            yield replace(one, kind="planted", scale=scale)


def _calls(expression: Expression, function: str) -> bool:
    return isinstance(expression, Call) and (
        expression.function == function or any(_calls(a, function) for a in expression.arguments)
    )


def _random(primitive: Primitive, seed: int) -> Inputs:
    exponents = float_exponents(primitive, RANDOM_DEVIATION)
    return Inputs(random_inputs(primitive, seed), exponents)


def _float_round(primitive: Primitive, inputs: Inputs) -> Round:
    values = {name: inputs.values(name) for name in inputs.stored}
    expected = reference(primitive, values)
    scale = {name: _float32(m) for name, m in magnitude(primitive, values).items()}
    return Round("float", inputs, expected, scale, growth(primitive))


def _exact_round(primitive: Primitive, form: ExactForm, kind: Kind, inputs: Inputs) -> Round:
    values = {name: inputs.values(name) for name in inputs.stored}
    if not form.rounded and form.statements == len(primitive.statements):
        return Round(kind, inputs, reference(primitive, values, np.float32))
    found, roundings = rounded(primitive, values, form.statements)
    expected = {name: _float32(found[name]) for name in form.equal}
    expected |= {name: found[name] for name in form.rounded}
    scale = {name: _float32(roundings[name]) for name in form.rounded}
    return Round(kind, inputs, expected, scale, dict.fromkeys(form.rounded, 1.0))


def _float32(values: Numbers) -> Numbers:
    with np.errstate(over="ignore"):  # infinite, as float32 has it
        return values.astype(np.float32)
