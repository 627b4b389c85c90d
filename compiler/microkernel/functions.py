"""What a function of the grammar takes on whole vectors, for estimates."""

from __future__ import annotations

from compiler.problem.primitive import Call, Expression, reads_of

# Instructions of one evaluation as the generator prints it, multiply-adds fused: range reduction,
# polynomial, reconstruction. A division or root counts 8: it occupies its unit about that long.
DIVISION = 8
OPERATIONS = {"exp": 13, "tanh": 18 + DIVISION, "erf": 22, "div": DIVISION, "sqrt": DIVISION}


def vector_operations(value: Expression) -> int:
    """Vector operations in one evaluation of an expression; what reads nothing is a constant."""
    if isinstance(value, Call) and any(reads_of(value)):
        inside = sum(vector_operations(argument) for argument in value.arguments)
        return inside + OPERATIONS.get(value.function, 1)
    return 0
