"""What a problem's outputs must be, computed from its own statements: in full, whatever its size.

One float round, then exact ones, of two seeds: an exchange of two operands can leave one sum as it
is. Where an output does not see every accumulator, negated inputs and further seeds follow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path

import numpy as np
import numpy.typing as npt

from compiler.problem.deciding import all_decide, deciding
from compiler.problem.exact import ExactForm, exact_form
from compiler.problem.inputs import integer_inputs, planted_rounds, plantings, random_inputs
from compiler.problem.iteration import meeting
from compiler.problem.primitive import Primitive
from compiler.problem.reference import magnitude, reference, rounded
from compiler.problem.signs import growth
from harness.kernel.problem_data import Inputs, Kind, ProblemData, Round, saving

SEEDS = 2
ENOUGH = 0.99  # of the accumulators have decided an output: no further seeds
GAIN = 0.02  # of the accumulators; a seed that adds less is the last one
MOST_SEEDS = 6
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
        yield _float_round(self.primitive, self.seed)
        for kind, inputs in _inputs(self.primitive, self._form, self.seed, self._decided):
            yield _exact_round(self.primitive, self._form, kind, inputs)

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
    planted = planted_rounds(primitive)
    for number in range(planted):
        stored = integer_inputs(primitive, form.largest, seed, 1 + number % SEEDS, frozenset())
        for planting in plantings(primitive):
            tap = number * max(1, planting.taps // planted)
            stored[planting.tensor] = planting.planted(stored[planting.tensor], tap)
        inputs = Inputs(stored, form.exponents)
        decided.see(inputs)
        yield "planted", inputs
    before: float | None = 0.0
    for number in range(1, MOST_SEEDS + 1):
        for kind in _KINDS if form.negated else _KINDS[:1]:
            if kind == "negated" and decided.share == 1.0:
                continue
            negated = form.negated if kind == "negated" else frozenset[str]()
            stored = integer_inputs(primitive, form.largest, seed, number, negated)
            inputs = Inputs(stored, form.exponents)
            decided.see(inputs)
            yield kind, inputs
        share = decided.share
        if number >= SEEDS and (
            share is None or before is None or share >= ENOUGH or share < before + GAIN
        ):
            return
        before = share


def _float_round(primitive: Primitive, seed: int) -> Round:
    inputs = random_inputs(primitive, seed)
    expected = reference(primitive, inputs)
    scale = {name: m.astype(np.float32) for name, m in magnitude(primitive, inputs).items()}
    return Round("float", Inputs(inputs), expected, scale, growth(primitive))


def _exact_round(primitive: Primitive, form: ExactForm, kind: Kind, inputs: Inputs) -> Round:
    values = {name: inputs.values(name) for name in inputs.stored}
    if not form.rounded and form.statements == len(primitive.statements):
        return Round(kind, inputs, reference(primitive, values, np.float32))
    found, roundings = rounded(primitive, values, form.statements)
    expected = {name: found[name].astype(np.float32) for name in form.equal}
    expected |= {name: found[name] for name in form.rounded}
    scale = {name: roundings[name].astype(np.float32) for name in form.rounded}
    return Round(kind, inputs, expected, scale, dict.fromkeys(form.rounded, 1.0))
