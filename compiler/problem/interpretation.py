"""What the statements make of inputs that are bounded integers times powers of two.

An abstract interpretation: instead of numbers it computes, statement by statement, the most that an
element and each of its partial sums can be, in units of a power of two (`Value`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import frexp, log2, prod, sqrt

import numpy as np

from compiler.problem.iteration import meeting, recurrent_loops
from compiler.problem.primitive import Access, Call, Expression, Number, Primitive, Read, Statement
from compiler.problem.scales import HELD, HUGE, LIMIT, Scale, Value, counted, dyadic, fixed, joined

TOO_LONG = "even inputs of 1 pass 2**24"
TOO_FAR = "numbers that float32 does not hold"


@dataclass(frozen=True)
class Argument:
    """What a function that is not linear is given; `scaled`: more than its sign matters."""

    factors: tuple[str, ...]
    deviation: float
    scaled: bool


class Interpretation:
    """One pass over the statements; the first `count` of them are meant to be exact.

    `runs` are compiler.problem.signs.one_signed_terms of them.
    Inputs are integers up to `largest` of the given `deviation`, times the powers of two of
    `scales`, 1 where there is none, or those that what they are added to has: `placed`. It tells
    the `values` of all tensors, whether all that is meant to be exact `fits`, how many statements
    are `exact` in a row, and the `arguments` of functions that are not linear.
    """

    def __init__(
        self,
        primitive: Primitive,
        runs: tuple[int, ...],
        count: int,
        largest: int,
        deviation: float,
        scales: Mapping[str, Scale],
    ) -> None:
        self.primitive = primitive
        self.largest = largest
        self.deviation = deviation
        self.scales = scales
        self.fits = True
        self.arguments: list[Argument] = []
        self.placed: dict[str, Scale] = {}
        self.values: dict[str, Value] = {
            t.name: fixed(t.name, t.values) for t in primitive.tensors if t.values is not None
        }
        self.exact = 0
        self._free = {  # inputs that have no scale yet
            t.name for t in primitive.tensors if t.role == "input" or t.accumulate
        } - set(self.values)
        self._extents = dict(primitive.extents)
        for number, statement in enumerate(primitive.statements):
            self._run(number, statement, runs[number], meant=number < count)
            if self.exact == number and self.values[statement.target.tensor].why is None:
                self.exact = number + 1

    def _run(self, number: int, statement: Statement, run: int, meant: bool) -> None:
        name = statement.target.tensor
        before = self.values.get(name)
        free = name in self._free
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
            why = why or TOO_LONG
        if why is not None:
            self.fits = fitted  # nothing of it has to be exact
            told = why if why.startswith("statement") else f"statement {number + 1}: {why}"
            value = value.ended(told, lost or (statement.reduction == "add" and terms > 1))
        self.values[name] = value
        self._free.discard(name)

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

    def _placed(self, name: str, wanted: Scale | None) -> Value:
        """A free input gets the scale that is wanted, or its own, which others may follow."""
        own = wanted is None
        scale = self.scales.get(name, Scale()) if wanted is None else wanted
        self.placed[name] = scale
        value = Value(self.largest, scale, self._deviation(scale), (name,) if own else ())
        self.values[name] = value
        self._free.discard(name)
        return value

    def _deviation(self, scale: Scale) -> float:
        """Of an input's integers times a power of two."""
        return self.deviation * 2.0**scale.exponent

    def _checked(self, value: Value) -> Value:
        far = value.deviation > HUGE
        if far or value.scale.exponent not in HELD:
            deviation = 1.0 if far else value.deviation
            why, lost = value.why or TOO_FAR, value.lost or far
            return Value(0, Scale(), deviation, value.factors, why, lost)
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
                return self._checked(self._quotient(expression, wanted))
        value = self._value(expression.arguments[0], None)
        self._note(value, scaled=expression.function != "sqrt")
        deviation = sqrt(value.deviation) if expression.function == "sqrt" else 1.0
        return Value(0, Scale(), deviation, (), value.why or expression.function, value.lost)

    def _read(self, access: Access, wanted: Scale | None) -> Value:
        value = self._placed(access.tensor, wanted) if access.tensor in self._free else None
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
            counted(one.limit * two.limit),
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
            self.arguments.append(Argument(value.factors, value.deviation, scaled))

    def _has_free(self, expression: Expression) -> bool:
        if isinstance(expression, Read):
            return expression.access.tensor in self._free
        return isinstance(expression, Call) and not self._free.isdisjoint(expression.tensors)
