"""What a function of the grammar takes on whole vectors, for estimates."""

from __future__ import annotations

from compiler.problem.primitive import Call, Expression

# Vector operations of one evaluation, as the generator prints them: range reduction, polynomial,
# reconstruction. Divisions and roots occupy their unit as long as about eight operations do.
OPERATIONS = {"exp": 14, "tanh": 18, "erf": 24, "div": 8, "sqrt": 8}


def vector_operations(value: Expression) -> int:
    """Vector operations in one evaluation of an expression."""
    if isinstance(value, Call):
        inside = sum(vector_operations(argument) for argument in value.arguments)
        return inside + OPERATIONS.get(value.function, 1)
    return 0
