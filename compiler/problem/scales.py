"""Integers times powers of two: what is known of a value before any of it is computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import hypot, sqrt
from typing import Literal

import numpy as np

LIMIT = 2**24 - 1  # the largest integer for which float32 has itself and all smaller ones
BITS = 24  # of it
HUGE = 2.0**127  # a deviation of numbers that pass all that float32 holds
HELD = range(-126, 129 - BITS)  # powers of two that it may count in float32


@dataclass(frozen=True)
class Scale:
    """The power of two that an integer counts; `odd`: the value changes its sign with the inputs
    that a negated round negates."""

    exponent: int = 0
    odd: bool = False

    def times(self, other: Scale) -> Scale:
        return Scale(self.exponent + other.exponent, self.odd != other.odd)

    def over(self, other: Scale) -> Scale:
        return Scale(self.exponent - other.exponent, self.odd != other.odd)


@dataclass(frozen=True)
class Value:
    """An integer of at most `limit` by magnitude, every partial sum of it included, times `scale`.

    `deviation` is about its standard deviation, scale included. `factors` are the inputs that
    scale it and follow nothing else. `why` says what makes it no such integer, `lost` that its
    rounding is not known either.
    """

    limit: int
    scale: Scale = Scale()
    deviation: float = 0.0
    factors: tuple[str, ...] = ()
    why: str | None = None
    lost: bool = False

    def repeated(self, terms: int, one_signed: int) -> Value:
        """A sum of so many; of them `one_signed` in a row may have one sign."""
        deviation = self.deviation * sqrt(terms * one_signed)
        return replace(self, limit=counted(self.limit * terms), deviation=deviation)

    def rectified(self) -> Value:
        """Its sign is no longer that of the inputs."""
        return replace(self, scale=Scale(self.scale.exponent))

    def ended(self, why: str, lost: bool) -> Value:
        return replace(self, why=why, lost=lost)


def counted(limit: int, doubled: int = 0) -> int:
    """A limit in units that are so many powers of two smaller; all beyond LIMIT count as the next.

    A chain of squares would double its digits with each.
    """
    return min(limit << min(doubled, BITS), LIMIT + 1)


def joined(one: Value, two: Value, how: Literal["sum", "either"]) -> Value:
    """A sum of two values, or one of the two, in units of the smaller power of two."""
    there = [v for v in (one, two) if v.limit > 0] or [one]
    exponent = min(v.scale.exponent for v in there)
    limits = [counted(v.limit, v.scale.exponent - exponent) for v in there]
    return Value(
        counted(sum(limits)) if how == "sum" else max(limits),
        Scale(exponent, there[0].scale.odd),
        hypot(one.deviation, two.deviation) if how == "sum" else one.deviation,
        _common(one.factors, two.factors),
        one.why or two.why,
        one.lost or two.lost,
    )


def _common(one: tuple[str, ...], two: tuple[str, ...]) -> tuple[str, ...]:
    """What scales a sum scales both parts; a part without factors follows the other one's."""
    both = tuple(name for name in one if name in two)
    return both or tuple(dict.fromkeys(one + two))


def dyadic(number: float) -> Value:
    """A number of the statements, if float32 holds it; its deviation is that of a factor."""
    with np.errstate(over="ignore"):
        held = float(np.float32(number)) == number
    if not held:
        return Value(0, deviation=abs(number), why=f"{number:g} is no short binary fraction")
    over, under = abs(number).as_integer_ratio()
    zeros = (over & -over).bit_length() - 1 if over else 0
    return Value(over >> zeros, Scale(zeros - (under.bit_length() - 1)), abs(number))


def fixed(tensor: str, numbers: Sequence[float]) -> Value:
    """The elements of a tensor that has its values in the primitive's file."""
    found = [dyadic(number) for number in numbers]
    rounded = next((n for n, v in zip(numbers, found, strict=True) if v.why is not None), None)
    deviation = sqrt(sum(v.deviation**2 for v in found) / len(found))
    if rounded is not None:
        return Value(0, deviation=deviation, why=f"{tensor} holds {rounded:g}", lost=False)
    whole = found[0]
    for value in found[1:]:
        whole = joined(whole, value, "either")
    return replace(whole, deviation=deviation)
