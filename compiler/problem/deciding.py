"""Which accumulators an output depends on, by going backwards through the statements.

An accumulator is an element of a tensor as a reduction leaves it. Behind a ReLU those below zero
decide nothing; behind a maximum those that do not win.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from math import prod

import numpy as np
import numpy.typing as npt

from compiler.problem.evaluation import Array, Lookup, value_of
from compiler.problem.iteration import boxes, meeting
from compiler.problem.memory import Box, Inputs, Memory, memory_of
from compiler.problem.primitive import Access, Call, Expression, Number, Primitive, Read, Statement
from compiler.problem.reference import run

Mask = npt.NDArray[np.bool_]
FLAT = 16 * 2.0**-23  # a function nearer to its limit does not move in float32


def accumulations(primitive: Primitive) -> tuple[int, ...]:
    """Numbers of the statements that reduce more than one term into an element."""
    extents = dict(primitive.extents)
    return tuple(
        number
        for number, statement in enumerate(primitive.statements)
        if statement.reduction is not None and prod(n for _, n in meeting(statement, extents)) > 1
    )


def all_decide(primitive: Primitive) -> bool:
    """Whether that can be told from the statements: one output, and nothing behind hides it."""
    numbers = accumulations(primitive)
    if len(numbers) != 1:
        return False
    target = primitive.statements[numbers[0]].target
    written = {s.target.tensor for s in primitive.statements}
    return primitive.tensor(target.tensor).role == "output" and all(
        s.target == target and s.reduction in (None, "add") and _passes(s, written)
        for s in primitive.statements[numbers[0] + 1 :]
    )


def _passes(statement: Statement, written: Collection[str]) -> bool:
    """Whether each change of the target's old value changes the new one."""

    def reads(expression: Expression) -> bool:
        return not isinstance(expression, Number) and (
            expression.access.tensor in written
            if isinstance(expression, Read)
            else any(map(reads, expression.arguments))
        )

    def passes(expression: Expression) -> bool:
        if isinstance(expression, Read):
            return expression.access == statement.target
        if isinstance(expression, Number) or expression.function not in ("add", "sub", "mul"):
            return False
        one, two = expression.arguments
        if expression.function == "mul" and not (_is_input(one) or _is_input(two)):
            return False
        return (passes(one) and not reads(two)) or (passes(two) and not reads(one))

    def _is_input(expression: Expression) -> bool:
        if isinstance(expression, Number):
            return expression.value != 0
        return isinstance(expression, Read) and expression.access.tensor not in written

    if statement.reduction == "add":
        return not reads(statement.value)
    return passes(statement.value)


def deciding(
    primitive: Primitive, inputs: Inputs, exact: int, outputs: Collection[str]
) -> dict[int, Mask]:
    """By the number of a reduction: the accumulators that decide one of `outputs` on these inputs.

    The first `exact` statements run in float32, the others in float64. A small change counts: of
    what is cut off, of what loses a maximum and of a function that has run flat it changes nothing.
    """
    numbers = accumulations(primitive)
    before: dict[int, Array] = {}

    def keep(number: int, values: Memory) -> None:
        if numbers and number > numbers[0]:
            name = primitive.statements[number].target.tensor
            before[number] = values.arrays[name].copy()

    values = memory_of(primitive, inputs, np.float32)
    run(primitive, values, 0, exact, keep)
    values = values.in_float64()
    run(primitive, values, exact, len(primitive.statements), keep)
    shapes = {name: array.shape for name, array in values.arrays.items()}
    decides = Memory(
        {t.name: np.zeros(shapes[t.name], bool) for t in primitive.tensors if t.role != "input"},
        values.lows,
        values.shapes,
        values.inputs,
        np.float64,
    )
    for name in outputs:
        decides.interior(name)[...] = True
    found: dict[int, Mask] = {}
    for number in reversed(range(len(primitive.statements))):
        statement = primitive.statements[number]
        name = statement.target.tensor
        if number in numbers:
            found[number] = decides.interior(name).astype(bool)
        if number in before:
            after = values.arrays[name]
            values.arrays[name] = before[number]
            with np.errstate(all="ignore"):
                _back(primitive, statement, values, after, decides)
    return found


def _back(
    primitive: Primitive, statement: Statement, values: Memory, after: Array, decides: Memory
) -> None:
    """From what a statement writes to what it reads; `values` are those before it."""
    later = Memory(
        {statement.target.tensor: after}, values.lows, values.shapes, values.inputs, np.float64
    )
    for box in boxes(primitive, statement, [statement.loops]):
        target = decides.view(statement.target, box)
        mask = np.array(target, bool)
        lookup = values.reader(box)
        if statement.reduction in ("max", "min"):
            now = later.read(statement.target, box)
            target[mask & (values.read(statement.target, box) != now)] = False
            mask = mask & (value_of(statement.value, lookup) == now)
        elif statement.reduction is None:
            target[...] = False
        for access, part in _sensitive(statement.value, lookup, mask):
            if access.tensor not in values.inputs:
                _mark(decides.view(access, box), part, box)


def _mark(view: Array, mask: Mask, box: Box) -> None:
    """Set what is decided; elements of a view may overlap, so nothing is ever taken back."""
    whole = np.broadcast_to(mask, [n for _, n in box.values()])
    unused = tuple(d for d, n in enumerate(view.shape) if n == 1 and whole.shape[d] > 1)
    view[whole.any(axis=unused, keepdims=True)] = True


def _sensitive(expression: Expression, read: Lookup, mask: Mask) -> Iterator[tuple[Access, Mask]]:
    """Every read, with where a small change of it changes the expression."""
    if isinstance(expression, Read):
        yield expression.access, mask
    elif isinstance(expression, Call):
        for argument, part in zip(
            expression.arguments, _through(expression, read, mask), strict=True
        ):
            yield from _sensitive(argument, read, part)


def _through(expression: Call, read: Lookup, mask: Mask) -> tuple[Mask, ...]:
    v = [value_of(argument, read) for argument in expression.arguments]
    match expression.function:
        case "add" | "sub":
            return mask, mask
        case "mul":
            return mask & (v[1] != 0), mask & (v[0] != 0)
        case "div":
            return mask, mask & (v[0] != 0)
        case "max":
            return mask & (v[0] >= v[1]), mask & (v[1] >= v[0])
        case "min":
            return mask & (v[0] <= v[1]), mask & (v[1] <= v[0])
        case "neg" | "abs":
            return (mask,)
    moved = value_of(expression, read)
    if expression.function in ("tanh", "erf"):
        return (mask & (1 - np.abs(moved) > FLAT),)
    return (mask & (moved > 0) & np.isfinite(moved),)  # exp, sqrt
