"""What a primitive computes, from its own statements, with numpy.

A statement runs on boxes of its loops: every access is a strided view of a padded tensor, a sum of
products of two reads is a batched matrix product, anything else is evaluated element by element
and reduced. Where every partial sum is exact in float32 (see exact.py) the reference runs in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from compiler.problem.evaluation import (
    Array,
    Held,
    everything,
    is_curved,
    magnitude_of,
    rounding_of,
    value_of,
)
from compiler.problem.iteration import boxes
from compiler.problem.matrix_products import pair_of, summed_products
from compiler.problem.memory import Box, Inputs, Memory, Precision, memory_of
from compiler.problem.primitive import Call, Primitive, Read, Statement

BeforeStatement = Callable[[int, Memory], None]


def reference(
    primitive: Primitive,
    inputs: Inputs,
    precision: Precision = np.float64,
    held: Held = everything,
) -> dict[str, Array]:
    """Every output, logical shape; `inputs` holds inputs and accumulated outputs.

    `held` is what a narrower format would keep of each result on the way.
    """
    values = memory_of(primitive, inputs, precision)
    with np.errstate(all="ignore"):
        for statement in primitive.statements:
            _step(primitive, statement, values, held)
    return _outputs(primitive, values)


def magnitude(primitive: Primitive, inputs: Inputs) -> dict[str, Array]:
    """The scale of every output's rounding errors: the statements on absolute values.

    In float32, for a scale needs no more, unless functions depend on the values. See
    `magnitude_of` for what replaces functions that are neither sums nor products.
    """
    curved = any(is_curved(s.value) for s in primitive.statements)
    precision: Precision = np.float64 if curved else np.float32
    magnitudes = memory_of(primitive, inputs, precision, absolute=True)
    values = memory_of(primitive, inputs) if curved else magnitudes
    with np.errstate(all="ignore"):
        for statement in primitive.statements:
            for box in _boxes(primitive, statement):
                _magnify(statement, values, magnitudes, box)
            if curved:
                _step(primitive, statement, values)
    return _outputs(primitive, magnitudes)


def rounded(
    primitive: Primitive, inputs: Inputs, exact: int
) -> tuple[dict[str, Array], dict[str, Array]]:
    """(outputs, roundings): the first `exact` statements err by nothing, the others as they must.

    A rounding is in units of eps, to first order (see `rounding_of`); it follows what is done to
    an exact value, and means nothing for sums of rounded ones.
    """
    values = memory_of(primitive, inputs, np.float32)
    run(primitive, values, 0, exact)
    values = values.in_float64()
    nothing = {name: np.zeros_like(a, np.float64) for name, a in values.arrays.items()}
    roundings = Memory(nothing, values.lows, values.shapes, values.inputs, np.float64)
    with np.errstate(all="ignore"):
        for statement in primitive.statements[exact:]:
            for box in _boxes(primitive, statement):
                _round(statement, values, roundings, box)
            _step(primitive, statement, values)
    return _outputs(primitive, values), _outputs(primitive, roundings)


def run(
    primitive: Primitive,
    values: Memory,
    first: int,
    last: int,
    before: BeforeStatement = lambda number, values: None,
) -> None:
    """Statements first <= number < last on the values; `before` sees them as each one does."""
    with np.errstate(all="ignore"):
        for number in range(first, last):
            before(number, values)
            _step(primitive, primitive.statements[number], values)


def _outputs(primitive: Primitive, memory: Memory) -> dict[str, Array]:
    names = (t.name for t in primitive.tensors if t.role == "output")
    return {name: np.ascontiguousarray(memory.interior(name)) for name in names}


def _boxes(primitive: Primitive, statement: Statement) -> Iterator[Box]:
    pair = pair_of(statement)
    if pair is None:
        return boxes(primitive, statement, [statement.loops])
    return boxes(primitive, statement, [a.loops for a in (*pair[1:], statement.target)])


def _step(
    primitive: Primitive, statement: Statement, values: Memory, held: Held = everything
) -> None:
    pair = pair_of(statement)
    for box in _boxes(primitive, statement):
        target = values.view(statement.target, box)
        if pair is not None:
            target += summed_products(pair, values, box, set(statement.target.loops))
            continue
        found = value_of(statement.value, values.reader(box), held)
        _reduce(statement, target, found, box, statement.reduction)


def _magnify(statement: Statement, values: Memory, magnitudes: Memory, box: Box) -> None:
    target = magnitudes.view(statement.target, box)
    pair = pair_of(statement)
    if pair is not None:
        target += summed_products(pair, magnitudes, box, set(statement.target.loops))
        return
    found = magnitude_of(statement.value, values.reader(box), magnitudes.reader(box))
    _reduce(statement, target, found, box, statement.reduction and _widest(statement))


def _round(statement: Statement, values: Memory, roundings: Memory, box: Box) -> None:
    """The rounding of what a statement adds is that of the sum, old value included.

    Those of a sum over loops add up.
    """
    expression = statement.value
    combined = {"add": "add", "max": "max", "min": "max"}.get(statement.reduction or "")
    if statement.reduction == "add" and not statement.reduction_loops:
        expression, combined = Call("add", (Read(statement.target), expression)), None
    found = rounding_of(expression, values.reader(box), roundings.reader(box))
    _reduce(statement, roundings.view(statement.target, box), found, box, combined)


def _widest(statement: Statement) -> str:
    return "add" if statement.reduction == "add" else "max"


def _reduce(
    statement: Statement, target: Array, found: Array, box: Box, reduction: str | None
) -> None:
    """Bring a box of right-hand sides into the target."""
    if reduction is None:
        target[...] = found
        return
    kept = statement.target.loops
    reduced = tuple(axis for axis, loop in enumerate(box) if loop not in kept)
    whole = np.broadcast_to(found, [n for _, n in box.values()])
    if reduction == "add":
        target += whole.sum(axis=reduced, keepdims=True)
    elif reduction == "max":
        np.maximum(target, whole.max(axis=reduced, keepdims=True), out=target)
    else:
        np.minimum(target, whole.min(axis=reduced, keepdims=True), out=target)
