"""Numbers in a primitive's file: outside values and the elements of constant tensors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from math import prod

from compiler.errors import ProblemError, shown
from compiler.problem.expression import Line, expression
from compiler.problem.primitive import Number

MOST_FILLED = 2**20  # elements that one number stands for; a list is as long as its text


def scalar(value: object, where: str) -> float:
    """A float from a number or a text such as "-inf" or "1/6"; never a nan."""
    if isinstance(value, str):
        if value.strip().lstrip("+-.").lower() == "inf":
            return -math.inf if value.strip().startswith("-") else math.inf
        line = Line(" ".join(value.split()), where)
        node = line.parsed()
        found = expression(node.value, (), {}, line) if hasattr(node, "value") else None
        if not isinstance(found, Number):
            raise ProblemError(f"{where}: must be a number, got {shown(value)}")
        return found.value
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
        raise ProblemError(f"{where}: must be a number, got {shown(value)}")
    try:
        return float(value)
    except OverflowError:
        raise ProblemError(f"{where}: {shown(value)} is too large") from None


def flat_values(values: object, shape: tuple[int, ...], where: str) -> tuple[float, ...]:
    """Row-major elements from nested lists of `shape`, one flat list, or one number for all."""
    if isinstance(values, str) or not isinstance(values, Sequence):
        number = scalar(values, where)
        if prod(shape) > MOST_FILLED:
            raise ProblemError(
                f"{where}: one number for {prod(shape)} elements; {MOST_FILLED} are allowed"
            )
        return (number,) * prod(shape)
    flat: list[float] = []

    def collect(item: object) -> tuple[int, ...]:
        """The shape of a nested list, its numbers appended to `flat`."""
        if isinstance(item, str) or not isinstance(item, Sequence):
            flat.append(scalar(item, where))
            return ()
        inner = {collect(part) for part in item}
        if len(inner) != 1:
            raise ProblemError(f"{where}: the lists are empty or of unequal length")
        return (len(item), *inner.pop())

    found = collect(values)
    if found not in (shape, (prod(shape),)) or not found:
        raise ProblemError(f"{where}: expected numbers of shape {shape}, got {found}")
    return tuple(flat)
