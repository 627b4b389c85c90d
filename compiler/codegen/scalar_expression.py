"""One instance of a statement in C: numbers, operations, reads and what they ask."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from compiler.lower.addressing import Address
from compiler.lower.edges import Question, questions
from compiler.lower.steps import iterator
from compiler.lower.tree import Tree
from compiler.problem.dtypes import DType
from compiler.problem.primitive import Access, Affine, Call, Expression, Number

INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
LIBRARY = {  # names in the C library, but for the suffix of a type
    "max": "fmax",
    "min": "fmin",
    "exp": "exp",
    "sqrt": "sqrt",
    "tanh": "tanh",
    "erf": "erf",
    "abs": "fabs",
}
REGISTERS = {"add": "sum", "max": "most", "min": "least"}
CALLED = ("exp", "tanh", "erf")  # no instruction: one element at a time


def library(dtype: DType) -> dict[str, str]:
    """The C library's functions on numbers of a type, by the grammar's names."""
    return {name: f"__builtin_{own}{dtype.suffix}" for name, own in LIBRARY.items()}


def declarations(dtype: DType) -> str:
    """C text that declares those that are called."""
    functions = (f"{LIBRARY[name]}{dtype.suffix}({dtype.c})" for name in CALLED)
    return f"{dtype.c} {', '.join(functions)};\n"


def number_text(value: float, dtype: DType) -> str:
    """A C constant; what the type cannot hold is infinite."""
    with np.errstate(over="ignore"):
        infinite = np.isinf(dtype.numpy(value))
    if infinite:
        return f"{'-' if value < 0 else ''}__builtin_inf{dtype.suffix}()"
    return f"{float(value)!r}{dtype.suffix}"


def element(tree: Tree, access: Access, pointer: str | None = None) -> str:
    """C text of an element of a tensor, or of what the pointer to a copy of it has the name of."""
    names = {loop: iterator(loop) for loop in access.loops}
    offset = Address(access, tree.layout_of(access.tensor)).base(names, {})
    return f"{pointer or f't_{access.tensor}'}[{offset}]"


def condition(tree: Tree, question: Question) -> str:
    """C condition that an index is inside, of the sides on which it can be outside."""
    index, size = question
    low, high = index.bounds(dict(tree.nest.extents))
    text = str(Affine(tuple((iterator(x), c) for x, c in index.terms), index.constant))
    sides = [f"{text} >= 0"] * (low < 0) + [f"{text} < {size}"] * (high >= size)
    return " && ".join(sides)


def inside(tree: Tree, access: Access, asked: Mapping[Question, str]) -> str:
    """C condition that an access is inside, of what `asked` has an answer to; empty: it is."""
    return " && ".join(asked[q] for q in questions(tree.nest, access) if q in asked)


def expression(
    tree: Tree, value: Expression, asked: Mapping[Question, str], functions: Mapping[str, str]
) -> str:
    """C text of a value; reads that may lie outside give their tensor's value there."""
    if isinstance(value, Number):
        return number_text(value.value, tree.nest.dtype)
    if isinstance(value, Call):
        arguments = [expression(tree, a, asked, functions) for a in value.arguments]
        if value.function == "neg":
            return f"(-{arguments[0]})"
        if value.function in INFIX:
            return f"({f' {INFIX[value.function]} '.join(arguments)})"
        return f"{functions[value.function]}({', '.join(arguments)})"
    read = element(tree, value.access)
    where = inside(tree, value.access, asked)
    if not where:
        return read
    tensor = tree.nest.tensor(value.access.tensor)
    return f"({where} ? {read} : {number_text(tensor.outside or 0.0, tensor.dtype)})"


def combined(reduction: str | None, target: str, value: str, functions: Mapping[str, str]) -> str:
    """C text that sets a target to a value, or continues its reduction."""
    if reduction is None:
        return f"{target} = {value};"
    if reduction == "add":
        return f"{target} += {value};"
    return f"{target} = {functions[reduction]}({target}, {value});"
