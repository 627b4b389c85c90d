"""The value of a statement in C, on whole vectors: scalars are spread for a function."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from compiler.codegen.scalar_expression import INFIX, library, number_text
from compiler.problem.dtypes import DType
from compiler.problem.primitive import Access, Expression, Number, Read, reads_of

Values = Mapping[Access, tuple[str, bool]]  # C name by access; whether it is a vector


def vector_value(value: Expression, values: Values, dtype: DType) -> str:
    """C expression of type vec, whose elements are of the given type."""
    text, is_vector = _printed(value, values, dtype)
    return text if is_vector else f"SPLAT({text})"


def number_value(value: Expression, values: Values, dtype: DType) -> str:
    """C expression of one element, where no operand is a vector."""
    return _printed(value, values, dtype)[0]


def functions_of(value: Expression, scalars: Collection[Access]) -> frozenset[str]:
    """Functions that the text calls as `vec_NAME`; what is read but for `scalars` are vectors."""
    if isinstance(value, Number | Read):
        return frozenset()
    inside = frozenset[str]().union(*(functions_of(a, scalars) for a in value.arguments))
    own = value.function not in (*INFIX, "neg")
    own = own and any(access not in scalars for access in reads_of(value))
    return inside | {value.function} if own else inside


def _printed(value: Expression, values: Values, dtype: DType) -> tuple[str, bool]:
    if isinstance(value, Number):
        return number_text(value.value, dtype), False
    if isinstance(value, Read):
        return values[value.access]
    arguments = [_printed(argument, values, dtype) for argument in value.arguments]
    if value.function == "neg":
        return f"(-{arguments[0][0]})", arguments[0][1]
    if value.function in INFIX:
        texts = (text for text, _ in arguments)
        return f"({f' {INFIX[value.function]} '.join(texts)})", any(v for _, v in arguments)
    if not any(is_vector for _, is_vector in arguments):
        name = library(dtype)[value.function]
        return f"{name}({', '.join(text for text, _ in arguments)})", False
    spread = (text if is_vector else f"SPLAT({text})" for text, is_vector in arguments)
    return f"vec_{value.function}({', '.join(spread)})", True
