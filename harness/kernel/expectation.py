"""What a problem's outputs must be, computed from its own statements: in full, whatever its size.

One float round, then exact ones, of two seeds: an exchange of two operands can leave one sum as it
is. Where an output does not see every accumulator, negated inputs and further seeds follow. Behind
a maximum that keeps an exponential from overflowing, as in a softmax, values are far apart in some.
In the last ones arguments lie far beyond a clip, or where exp, tanh and erf run flat or over.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from math import ceil, prod
from pathlib import Path

import numpy as np
import numpy.typing as npt

from compiler.problem.deciding import all_decide, deciding
from compiler.problem.dtypes import EPS
from compiler.problem.evaluation import in_range
from compiler.problem.exact import DEVIATION, ExactForm, exact_form, float_exponents
from compiler.problem.inputs import (
    RANDOM_DEVIATION,
    integer_inputs,
    planted_rounds,
    plantings,
    random_inputs,
)
from compiler.problem.iteration import meeting
from compiler.problem.primitive import Call, Expression, Number, Primitive, Statement
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
_FAR = 1 + MOST_SEEDS_OF_FEW  # numbers of rounds that no other inputs have
FAR = 64.0  # deviation of arguments: exp passes what float32 holds at 88.7, is 0 below -104
# Of results on the way: less than float32 holds by some powers of two, and more.
NARROW, WIDER = in_range(2.0**-122, 2.0**124), in_range(2.0**-153, 2.0**132)
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
        yield from _far_rounds(self.primitive, self.seed)

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
    if not _has(primitive, "exp"):
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


def _far_rounds(primitive: Primitive, seed: int) -> Iterator[Round]:
    """Every other argument is clipped, and as many at the other end.

    What is cut off before a polynomial must be cut off where it has no effect. Arguments are exact
    where sums are: a function of one that is not says little of large ones.
    """
    if not _has(primitive, "exp", "tanh", "erf") and not any(map(_clips, primitive.statements)):
        return
    form = exact_form(primitive, FAR)
    if form.largest == 0:
        yield _where_sure(primitive, _float_round(primitive, _random(primitive, seed, FAR)))
        return
    for number in range(_seeds_for_arguments(primitive)):
        stored = integer_inputs(primitive, form.largest, seed, _FAR + number, frozenset())
        one = _exact_round(primitive, form, "far", Inputs(stored, form.exponents))
        yield _where_sure(primitive, one)


def _where_sure(primitive: Primitive, one: Round) -> Round:
    """The round without what hangs on a number on the way that float32 hardly holds.

    There results of a narrower and of a wider format differ.
    """
    values = {name: one.inputs.values(name) for name in one.inputs.stored}
    narrow, wider = (reference(primitive, values, held=held) for held in (NARROW, WIDER))
    scale: dict[str, Numbers] = {}
    for name, m in one.scale.items():
        with np.errstate(invalid="ignore"):
            far = np.abs(narrow[name] - wider[name])
            sure = (narrow[name] == wider[name]) | (far <= EPS * np.abs(wider[name]))
        m = np.where(np.isinf(narrow[name]), np.float32(1), m)  # nothing but infinite
        scale[name] = np.where(sure & ~np.isnan(m), m, np.float32(np.inf))
    expected = {name: narrow[name] if name in scale else e for name, e in one.expected.items()}
    return replace(one, kind="far", expected=expected, scale=scale)


def _has(primitive: Primitive, *functions: str) -> bool:
    return any(_calls(s.value, functions) for s in primitive.statements)


def _calls(expression: Expression, functions: Collection[str]) -> bool:
    return isinstance(expression, Call) and (
        expression.function in functions or any(_calls(a, functions) for a in expression.arguments)
    )


def _clips(statement: Statement) -> bool:
    """Whether values end at a number that is not 0."""
    if statement.reduction in ("max", "min") and _is_end(statement.value):
        return True
    waiting = [statement.value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Call):
            if one.function in ("max", "min") and any(map(_is_end, one.arguments)):
                return True
            waiting += one.arguments
    return False


def _is_end(value: Expression) -> bool:
    return isinstance(value, Number) and value.value != 0


def _random(primitive: Primitive, seed: int, wanted: float = DEVIATION) -> Inputs:
    """Arguments of functions deviate by as much as is wanted."""
    exponents = float_exponents(primitive, RANDOM_DEVIATION, wanted)
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
