"""The untransformed nest in scalar C: any primitive of the grammar, one instance at a time.

It is the second oracle of every test and the floor of every comparison.
"""

from __future__ import annotations

from collections.abc import Mapping

from compiler.codegen.addressing import Placement
from compiler.errors import ScheduleError
from compiler.problem.primitive import (
    Access,
    Call,
    Expression,
    Number,
    Primitive,
    Statement,
)
from compiler.schedule.layout import Layout
from compiler.schedule.schedule import Schedule

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
NEUTRAL = {"add": "0.0f", "max": "-__builtin_inff()", "min": "__builtin_inff()"}


def scalar_body(nest: Primitive, schedule: Schedule, layouts: Mapping[str, Layout]) -> list[str]:
    """C lines of all statements in program order, each in a nest of its own."""
    lines: list[str] = []
    for tensor in nest.tensors:
        if tensor.values is not None:
            values = ", ".join(f"{v!r}f" for v in tensor.values)
            lines.append(f"static const float t_{tensor.name}[] = {{{values}}};")
    started: set[str] = set()
    for statement in nest.statements:
        name = statement.target.tensor
        if statement.reduction and name not in started and not nest.tensor(name).accumulate:
            count, value = layouts[name].elements, NEUTRAL[statement.reduction]
            lines.append(f"for (long i = 0; i < {count}; ++i) t_{name}[i] = {value};")
        started.add(name)
        lines += _statement(nest, schedule, statement, layouts)
    return lines


def _statement(
    nest: Primitive, schedule: Schedule, statement: Statement, layouts: Mapping[str, Layout]
) -> list[str]:
    order = [level for level in schedule.order if level in statement.loops]
    if missing := [loop for loop in statement.loops if loop not in order]:
        raise ScheduleError(f"schedule: scalar: the order lacks loop '{missing[0]}'")
    lines: list[str] = []
    for depth, loop in enumerate(order):
        if loop in schedule.parallel:
            lines.append("  " * depth + "#pragma omp parallel for")
        head = f"for (long {loop} = 0; {loop} < {nest.extent(loop)}; ++{loop})"
        lines.append("  " * depth + head)
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


def _expression(nest: Primitive, value: Expression, layouts: Mapping[str, Layout]) -> str:
    if isinstance(value, Number):
        return f"{float(value.value)!r}f"
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
    infinity = "__builtin_inff()" if outside > 0 else "-__builtin_inff()"
    text = infinity if outside in (float("inf"), float("-inf")) else f"{outside!r}f"
    return f"({inside} ? {read} : {text})"


def _offset(access: Access, layouts: Mapping[str, Layout]) -> str:
    names = {loop: loop for index in access.indices for loop in index.loops}
    return Placement(access, layouts[access.tensor]).base(names, {})


def _inside(nest: Primitive, access: Access) -> str:
    """C condition that the access is inside its tensor; empty when it always is."""
    conditions = []
    shape = nest.tensor(access.tensor).shape
    for index, size in zip(access.indices, shape, strict=True):
        low, high = index.bounds(dict(nest.extents))
        text = str(index)
        if low < 0:
            conditions.append(f"{text} >= 0")
        if high >= size:
            conditions.append(f"{text} < {size}")
    return " && ".join(conditions)
