"""The untransformed nest in scalar C: any primitive of the grammar, one instance at a time.

Loops may be tiled: the order may name levels over tiles, whose sizes stand in `block`.
It is the second oracle of every test and the floor of every comparison.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from compiler.errors import ScheduleError
from compiler.lower.addressing import Placement
from compiler.microkernel.contraction import covers
from compiler.problem.primitive import (
    Access,
    Affine,
    Call,
    Expression,
    Number,
    Primitive,
    Statement,
)
from compiler.schedule.layout import Layout
from compiler.schedule.schedule import Schedule, depth_of, loop_of

INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
FUNCTIONS = {
    "max": "__builtin_fmaxf",
    "min": "__builtin_fminf",
    "exp": "__builtin_expf",
    "sqrt": "__builtin_sqrtf",
    "tanh": "__builtin_tanhf",
    "erf": "__builtin_erff",
    "abs": "__builtin_fabsf",
}
OVERFLOW = 2.0**128 - 2.0**103  # the least number that float32 rounds to infinity
NEUTRAL = {"add": "0.0f", "max": "-__builtin_inff()", "min": "__builtin_inff()"}


def scalar_body(nest: Primitive, schedule: Schedule, layouts: Mapping[str, Layout]) -> list[str]:
    """C lines of all statements in program order, each in a nest of its own."""
    bare = Schedule(
        "scalar",
        schedule.order,
        block=schedule.block,
        parallel=schedule.parallel,
        layout=schedule.layout,
    )
    if schedule != bare:
        raise ScheduleError(
            f"{nest.name}: schedule: scheme scalar takes order, block, parallel and layout only"
        )
    lines = fixed_tensors(nest, layouts)
    started: set[str] = set()
    for statement in nest.statements:
        name = statement.target.tensor
        own = any(access.tensor == name for access in statement.reads)
        partly = statement.reduction or own or not covers(nest, statement.target)
        if partly and name not in started and not nest.tensor(name).accumulate:
            count, value = layouts[name].elements, NEUTRAL[statement.reduction or "add"]
            lines += ["#pragma omp parallel for"] if schedule.parallel else []
            lines.append(f"for (long i = 0; i < {count}; ++i) t_{name}[i] = {value};")
        started.add(name)
        lines += _statement(nest, schedule, statement, layouts)
    return lines


def fixed_tensors(nest: Primitive, layouts: Mapping[str, Layout]) -> list[str]:
    """C arrays of the tensors whose values stand in the primitive, each in its layout."""
    lines = []
    for tensor in nest.tensors:
        if tensor.values is not None:
            packed = layouts[tensor.name].pack(np.asarray(tensor.values, np.float32))
            values = ", ".join(_number(float(v)) for v in packed)
            attribute = "__attribute__((aligned(64)))"
            lines.append(f"static const float t_{tensor.name}[] {attribute} = {{{values}}};")
    return lines


def _statement(
    nest: Primitive, schedule: Schedule, statement: Statement, layouts: Mapping[str, Layout]
) -> list[str]:
    order = [level for level in schedule.order if loop_of(level) in statement.loops]
    lines: list[str] = []
    shared = _shared(order, schedule)
    ranges = {loop: ("0", str(nest.extent(loop))) for loop in statement.loops}
    for depth, level in enumerate(order):
        if level in shared[:1]:  # once: a thread starts no others
            collapse = f" collapse({len(shared)})" if len(shared) > 1 else ""
            lines.append("  " * depth + f"#pragma omp parallel for{collapse}")
        loop, size = loop_of(level), schedule.block_of(level) or 1
        name = _iterator(level)
        start, end = ranges[loop]
        step = f"{name} += {size}" if depth_of(level) else f"++{name}"
        lines.append("  " * depth + f"for (long {name} = {start}; {name} < {end}; {step})")
        past = f"{name} + {size}"
        short = nest.extent(loop) % size  # the last tile
        ranges[loop] = (name, f"min({past}, {nest.extent(loop)})" if short else past)
    target = f"t_{statement.target.tensor}[{_offset(statement.target, layouts)}]"
    value = _expression(nest, statement.value, layouts)
    if statement.reduction == "add":
        update = f"{target} += {value};"
    elif statement.reduction:
        update = f"{target} = {FUNCTIONS[statement.reduction]}({target}, {value});"
    else:
        update = f"{target} = {value};"
    if inside := _inside(nest, statement.target):
        update = f"if ({inside}) {update}"
    return [*lines, "  " * len(order) + update]


def _shared(order: list[str], schedule: Schedule) -> list[str]:
    """The outermost parallel level and those right inside it, but one of a loop: a rectangle."""
    shared: list[str] = []
    for level in order:
        if level in schedule.parallel and loop_of(level) not in map(loop_of, shared):
            shared.append(level)
        elif shared:
            break
    return shared


def _expression(nest: Primitive, value: Expression, layouts: Mapping[str, Layout]) -> str:
    if isinstance(value, Number):
        return _number(value.value)
    if isinstance(value, Call):
        arguments = [_expression(nest, a, layouts) for a in value.arguments]
        if value.function == "neg":
            return f"(-{arguments[0]})"
        if value.function in INFIX:
            return f"({f' {INFIX[value.function]} '.join(arguments)})"
        return f"{FUNCTIONS[value.function]}({', '.join(arguments)})"
    read = f"t_{value.access.tensor}[{_offset(value.access, layouts)}]"
    inside = _inside(nest, value.access)
    if not inside:
        return read
    outside = nest.tensor(value.access.tensor).outside or 0.0
    return f"({inside} ? {read} : {_number(outside)})"


def _number(value: float) -> str:
    """A C constant; what float32 cannot hold is infinite."""
    if abs(value) >= OVERFLOW:
        return "__builtin_inff()" if value > 0 else "-__builtin_inff()"
    return f"{float(value)!r}f"


def _iterator(level: str) -> str:
    """C name of a level, the first point it covers: kept apart from macros and tensors."""
    return f"tile{depth_of(level)}_{loop_of(level)}" if depth_of(level) else f"i_{level}"


def _offset(access: Access, layouts: Mapping[str, Layout]) -> str:
    names = {loop: _iterator(loop) for index in access.indices for loop in index.loops}
    return Placement(access, layouts[access.tensor]).base(names, {})


def _inside(nest: Primitive, access: Access) -> str:
    """C condition that the access is inside its tensor; empty when it always is."""
    conditions = []
    shape = nest.tensor(access.tensor).shape
    for index, size in zip(access.indices, shape, strict=True):
        low, high = index.bounds(dict(nest.extents))
        text = str(Affine(tuple((_iterator(x), c) for x, c in index.terms), index.constant))
        if low < 0:
            conditions.append(f"{text} >= 0")
        if high >= size:
            conditions.append(f"{text} < {size}")
    return " && ".join(conditions)
