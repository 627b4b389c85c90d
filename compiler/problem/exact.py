"""Inputs for which float32 makes no error: how large they may be, so that results can be compared
with `==`.

Inputs are integers of -R..R, never 0, times a power of two. Every value of a chain of sums and
products is then an integer times a power of two as well, and exact in float32 in any order of
summation as long as the worst case of the integers (the sum of the terms' magnitudes) is below
2**24. An abstract interpretation of the statements gives that worst case; R is the largest that
keeps it: `R = floor(sqrt((2**24-1)/K))` for one contraction over K terms, `K R**3 + R < 2**24`
with a batch normalisation behind it.

Powers of two align what is added, and give the argument of what depends on its size (clip, exp,
tanh, erf) a standard deviation of about 3. What float32 must round (functions, numbers that are
no short binary fraction) ends exactness: statements behind it have a rounding that is known, until
they sum up rounded values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import frexp, log2, prod, sqrt

import numpy as np

from compiler.problem.iteration import meeting, recurrent_loops
from compiler.problem.primitive import Access, Call, Expression, Number, Primitive, Read, Statement
from compiler.problem.scales import Scale, Value, dyadic, fixed, joined
from compiler.problem.signs import one_signed_terms

LIMIT = 2**24 - 1
DEVIATION = 3.0
_TOO_LONG = "even inputs of 1 pass 2**24"


@dataclass(frozen=True)
class ExactForm:
    """`largest` is R, 0 where there is no exact round at all; `why` tells what float32 rounds.

    `exponents` are of the inputs' powers of two, `negated` the inputs whose signs change in a
    second round, so that the arguments of max, min and abs are their opposites. The first
    `statements` are exact. Outputs are `equal`, or `rounded` by statements after those.
    """

    largest: int
    exponents: Mapping[str, int] = field(default_factory=dict)
    negated: frozenset[str] = frozenset()
    statements: int = 0
    equal: tuple[str, ...] = ()
    rounded: tuple[str, ...] = ()
    why: str | None = None


def exact_form(primitive: Primitive) -> ExactForm:
    """The widest inputs for which as many statements as possible are exact."""
    why = None
    for count in range(len(primitive.statements), 0, -1):
        form = _scaled(primitive, count)
        if form.largest == 0:
            continue
        if form.equal or form.rounded:
            return form
        why = why or form.why
    return ExactForm(0, why=why or f"statement 1: {_TOO_LONG}")


def _scaled(primitive: Primitive, count: int) -> ExactForm:
    """The form once every argument that asks for it has been given its scale."""
    scales: dict[str, Scale] = {}
    treated: set[str] = set()
    while True:
        largest = _largest(primitive, count, scales)
        ran = _Interpretation(primitive, count, max(1, largest), scales)
        pending = next((a for a in ran.arguments if set(a.factors) - treated), None)
        if pending is None:
            return ran.form(largest)
        chosen = next(name for name in reversed(pending.factors) if name not in treated)
        treated |= set(pending.factors)
        sized = (a for a in ran.arguments if a.scaled and set(a.factors) <= set(pending.factors))
        argument = next(sized, None)
        shift = 0 if argument is None else round(log2(DEVIATION / argument.deviation))
        scales[chosen] = Scale(shift, odd=True)


def _largest(primitive: Primitive, count: int, scales: Mapping[str, Scale]) -> int:
    low, high = 0, LIMIT
    while low < high:
        middle = (low + high + 1) // 2
        if _Interpretation(primitive, count, middle, scales).fits:
            low = middle
        else:
            high = middle - 1
    return low


@dataclass(frozen=True)
class _Argument:
    """What a function that is not linear is given; `scaled`: more than its sign matters."""

    factors: tuple[str, ...]
    deviation: float
    scaled: bool


class _Interpretation:
    """One pass over the statements; the first `count` of them are meant to be exact."""

    def __init__(
        self, primitive: Primitive, count: int, largest: int, scales: Mapping[str, Scale]
    ) -> None:
        self.primitive = primitive
        self.largest = largest
        self.scales = scales
        self.fits = True
        self.arguments: list[_Argument] = []
        self.placed: dict[str, Scale] = {}
        self.values: dict[str, Value] = {
            t.name: fixed(t.name, t.values) for t in primitive.tensors if t.values is not None
        }
        self.exact = 0
        self._extents = dict(primitive.extents)
        runs = one_signed_terms(primitive)
        for number, statement in enumerate(primitive.statements):
            self._run(number, statement, runs[number], meant=number < count)
            if self.exact == number and self.values[statement.target.tensor].why is None:
                self.exact = number + 1

    def form(self, largest: int) -> ExactForm:
        outputs = {
            t.name: self.values[t.name] for t in self.primitive.tensors if t.role == "output"
        }
        return ExactForm(
            largest,
            {name: scale.exponent for name, scale in self.placed.items()},
            frozenset(name for name, scale in self.placed.items() if scale.odd),
            self.exact,
            tuple(name for name, v in outputs.items() if v.why is None),
            tuple(name for name, v in outputs.items() if v.why is not None and not v.lost),
            next((v.why for v in outputs.values() if v.why is not None), None),
        )

    def _run(self, number: int, statement: Statement, run: int, meant: bool) -> None:
        name = statement.target.tensor
        before = self.values.get(name)
        free = before is None and self._is_free(name)
        wanted = before.scale if before is not None and statement.reduction is not None else None
        fitted = self.fits
        value = self._value(statement.value, wanted)
        if free and statement.reduction is not None:
            before = self._placed(name, value.scale)
        terms = prod(n for _, n in meeting(statement, self._extents))
        if statement.reduction == "add":
            value = value.repeated(terms, run)
        if statement.reduction == "add" and before is not None:
            value = joined(before, value, "sum")
        elif statement.reduction is not None and before is not None:
            cut = isinstance(statement.value, Number) and statement.value.value != 0
            self._note(before, scaled=cut)
            value = joined(before, value, "either").rectified()
        elif before is not None and not self._replaces(statement):
            value = joined(before, value, "either")
        value = self._checked(value)
        why, lost = value.why, value.lost
        if recurrent_loops(statement):
            why, lost = why or "a recurrence", True
        elif not meant:
            why = why or _TOO_LONG
        if why is not None:
            self.fits = fitted  # nothing of it has to be exact
            told = why if why.startswith("statement") else f"statement {number + 1}: {why}"
            value = value.ended(told, lost or (statement.reduction == "add" and terms > 1))
        self.values[name] = value

    def _replaces(self, statement: Statement) -> bool:
        """Whether a statement writes every element of its target anew."""
        shape = self.primitive.tensor(statement.target.tensor).shape
        loops = [index.loops[0] for index in statement.target.indices if index.loops]
        return (
            statement.reduction is None
            and len(set(loops)) == len(shape)
            and all(
                len(index.terms) == 1
                and index.terms[0][1] == 1
                and index.constant == 0
                and self._extents[index.terms[0][0]] >= size
                for index, size in zip(statement.target.indices, shape, strict=True)
            )
        )

    def _is_free(self, name: str) -> bool:
        tensor = self.primitive.tensor(name)
        return (tensor.role == "input" or tensor.accumulate) and name not in self.values

    def _placed(self, name: str, wanted: Scale | None) -> Value:
        """A free input gets the scale that is wanted, or its own, which others may follow."""
        own = wanted is None
        scale = self.scales.get(name, Scale()) if wanted is None else wanted
        self.placed[name] = scale
        value = Value(self.largest, scale, self._deviation(scale), (name,) if own else ())
        self.values[name] = value
        return value

    def _deviation(self, scale: Scale) -> float:
        """Of an input's integers, all equally likely, times a power of two."""
        largest = self.largest
        return sqrt((largest + 1) * (2 * largest + 1) / 6) * 2.0**scale.exponent

    def _checked(self, value: Value) -> Value:
        if value.why is None and value.limit > LIMIT:
            self.fits = False
        return value

    def _value(self, expression: Expression, wanted: Scale | None) -> Value:
        if isinstance(expression, Number):
            return dyadic(expression.value)
        if isinstance(expression, Read):
            return self._read(expression.access, wanted)
        match expression.function:
            case "mul":
                return self._checked(self._product(expression, wanted))
            case "add" | "sub" | "max" | "min":
                return self._checked(self._sum(expression, wanted))
            case "neg":
                return self._value(expression.arguments[0], wanted)
            case "abs":
                value = self._value(expression.arguments[0], wanted)
                self._note(value, scaled=False)
                return value.rectified()
            case "div":
                return self._quotient(expression, wanted)
        value = self._value(expression.arguments[0], None)
        self._note(value, scaled=expression.function != "sqrt")
        deviation = sqrt(value.deviation) if expression.function == "sqrt" else 1.0
        return Value(0, Scale(), deviation, (), value.why or expression.function, value.lost)

    def _read(self, access: Access, wanted: Scale | None) -> Value:
        value = self._placed(access.tensor, wanted) if self._is_free(access.tensor) else None
        value = value or self.values.get(access.tensor, Value(0))  # 0: what is not yet written
        outside = self.primitive.tensor(access.tensor).outside
        if outside is None or np.isinf(outside) or outside == 0:
            return value  # infinities are exact
        around = dyadic(outside)
        return joined(value, around, "either")

    def _product(self, expression: Call, wanted: Scale | None) -> Value:
        first, second = sorted(expression.arguments, key=self._has_free)
        one = self._value(first, None)
        rest = None if wanted is None else wanted.over(one.scale)
        two = self._value(second, rest if self._has_free(second) else None)
        if set(one.factors) & set(two.factors):  # a square, or a higher power
            self._note(max(one, two, key=lambda value: value.deviation), scaled=True)
        factors = tuple(dict.fromkeys(one.factors + two.factors))
        why = one.why or two.why
        return Value(
            one.limit * two.limit,
            one.scale.times(two.scale),
            one.deviation * two.deviation,
            factors,
            why,
            one.lost or two.lost,
        )

    def _sum(self, expression: Call, wanted: Scale | None) -> Value:
        """The operand with inputs that have no scale yet follows the other one's."""
        order = sorted(
            expression.arguments, key=lambda a: (isinstance(a, Number), self._has_free(a))
        )
        one = self._value(order[0], wanted)
        kind = expression.function
        scale = one.scale
        if kind in ("max", "min") and isinstance(order[1], Read):
            scale = self._comparable(one)
        two = self._value(order[1], scale if self._has_free(order[1]) else None)
        number = order[1].value if isinstance(order[1], Number) else None
        if kind in ("max", "min") or number:
            self._note(one, scaled=bool(number))
        if kind in ("max", "min"):
            return joined(one, two, "either").rectified()
        return joined(one, two, "sum")

    def _comparable(self, value: Value) -> Scale:
        """The scale of an input that is to be larger than a value about half of the time."""
        shift = log2(max(value.deviation, 1e-30) / self._deviation(value.scale))
        return Scale(value.scale.exponent + max(0, round(shift)), value.scale.odd)

    def _quotient(self, expression: Call, wanted: Scale | None) -> Value:
        """Exact by a power of two alone: a reciprocal of anything else is rounded."""
        over = expression.arguments[1]
        if isinstance(over, Number) and abs(frexp(over.value)[0]) == 0.5:
            inverse = Call("mul", (expression.arguments[0], Number(1 / over.value)))
            return self._product(inverse, wanted)
        one = self._value(expression.arguments[0], wanted)
        two = self._value(over, None)
        if not isinstance(over, Number):
            self._note(one, scaled=True)
        deviation = one.deviation / max(two.deviation, 1e-30)
        why = one.why or two.why or "a division"
        return Value(0, one.scale, deviation, one.factors, why, one.lost or two.lost)

    def _note(self, value: Value, scaled: bool) -> None:
        if value.factors and value.deviation > 0:
            self.arguments.append(_Argument(value.factors, value.deviation, scaled))

    def _has_free(self, expression: Expression) -> bool:
        if isinstance(expression, Read):
            return self._is_free(expression.access.tensor)
        return isinstance(expression, Call) and any(map(self._has_free, expression.arguments))
