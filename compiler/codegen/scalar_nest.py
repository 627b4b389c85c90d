"""The untransformed nest in scalar C: any primitive of the grammar, one instance at a time.

Loops may be tiled: the order may name levels over tiles, whose sizes stand in `block`.
It is the second oracle of every test and the floor of every comparison.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from compiler.lower.addressing import Address
from compiler.lower.operands import starts
from compiler.lower.steps import iterator, ranges_of
from compiler.lower.tree import Level, Path, Tree
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


def scalar_statement(tree: Tree, path: Path) -> list[str]:
    """C lines of one statement in a nest of its own.

    Before them, where it is the first to write its target and does not overwrite all of it, what
    the target starts from.
    """
    nest, statement = tree.nest, tree.statement(path.leaf)
    name = statement.target.tensor
    own = any(access.tensor == name for access in statement.reads)
    partly = statement.reduction or own or not covers(nest, statement.target)
    lines = []
    if partly and starts(nest, path.leaf.statement):
        count, value = tree.layout_of(name).elements, NEUTRAL[statement.reduction or "add"]
        lines += ["#pragma omp parallel for"] if tree.parallel else []
        lines.append(f"for (long i = 0; i < {count}; ++i) t_{name}[i] = {value};")
    return lines + _statement(tree, path, statement)


def fixed_tensors(tree: Tree) -> list[str]:
    """C arrays of the tensors whose values stand in the primitive, each in its layout."""
    lines = []
    for tensor in tree.nest.tensors:
        if tensor.values is not None:
            packed = tree.layout_of(tensor.name).pack(np.asarray(tensor.values, np.float32))
            values = ", ".join(number_text(float(v)) for v in packed)
            attribute = "__attribute__((aligned(64)))"
            lines.append(f"static const float t_{tensor.name}[] {attribute} = {{{values}}};")
    return lines


def _statement(tree: Tree, path: Path, statement: Statement) -> list[str]:
    lines: list[str] = []
    shared = _shared(path.loops)
    for depth, loop in enumerate(ranges_of(path)):
        level, name = loop.level, loop.name
        if level in shared[:1]:  # once: a thread starts no others
            collapse = f" collapse({len(shared)})" if len(shared) > 1 else ""
            lines.append("  " * depth + f"#pragma omp parallel for{collapse}")
        step = f"++{name}" if level.name == level.loop else f"{name} += {level.step}"
        lines.append(
            "  " * depth + f"for (long {name} = {loop.start}; {name} < {loop.end}; {step})"
        )
    target = f"t_{statement.target.tensor}[{_offset(tree, statement.target)}]"
    value = _expression(tree, statement.value)
    if statement.reduction == "add":
        update = f"{target} += {value};"
    elif statement.reduction:
        update = f"{target} = {FUNCTIONS[statement.reduction]}({target}, {value});"
    else:
        update = f"{target} = {value};"
    if inside := _inside(tree.nest, statement.target):
        update = f"if ({inside}) {update}"
    return [*lines, "  " * len(path.loops) + update]


def _shared(levels: Sequence[Level]) -> list[Level]:
    """The outermost parallel level and those right inside it, but one of a loop: a rectangle."""
    shared: list[Level] = []
    for level in levels:
        if level.parallel and level.loop not in [other.loop for other in shared]:
            shared.append(level)
        elif shared:
            break
    return shared


def _expression(tree: Tree, value: Expression) -> str:
    if isinstance(value, Number):
        return number_text(value.value)
    if isinstance(value, Call):
        arguments = [_expression(tree, a) for a in value.arguments]
        if value.function == "neg":
            return f"(-{arguments[0]})"
        if value.function in INFIX:
            return f"({f' {INFIX[value.function]} '.join(arguments)})"
        return f"{FUNCTIONS[value.function]}({', '.join(arguments)})"
    read = f"t_{value.access.tensor}[{_offset(tree, value.access)}]"
    inside = _inside(tree.nest, value.access)
    if not inside:
        return read
    outside = tree.nest.tensor(value.access.tensor).outside or 0.0
    return f"({inside} ? {read} : {number_text(outside)})"


def number_text(value: float) -> str:
    """A C constant; what float32 cannot hold is infinite."""
    if abs(value) >= OVERFLOW:
        return "__builtin_inff()" if value > 0 else "-__builtin_inff()"
    return f"{float(value)!r}f"


def _offset(tree: Tree, access: Access) -> str:
    names = {loop: iterator(loop) for index in access.indices for loop in index.loops}
    return Address(access, tree.layout_of(access.tensor)).base(names, {})


def _inside(nest: Primitive, access: Access) -> str:
    """C condition that the access is inside its tensor; empty when it always is."""
    conditions = []
    shape = nest.tensor(access.tensor).shape
    for index, size in zip(access.indices, shape, strict=True):
        low, high = index.bounds(dict(nest.extents))
        text = str(Affine(tuple((iterator(x), c) for x, c in index.terms), index.constant))
        if low < 0:
            conditions.append(f"{text} >= 0")
        if high >= size:
            conditions.append(f"{text} < {size}")
    return " && ".join(conditions)
