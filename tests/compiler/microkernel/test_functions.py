"""What expressions cost on vectors."""

from __future__ import annotations

import pytest

from compiler.microkernel.functions import DIVISION, OPERATIONS, vector_operations
from compiler.problem.specification import primitive_from


@pytest.mark.parametrize(
    ("value", "operations"),
    [
        ("x[i] * (1/sqrt(8))", 1),  # the compiler's, as it reads nothing
        ("exp(x[i] - 1/sqrt(8))", 1 + OPERATIONS["exp"]),
        ("1/sqrt(x[i])", DIVISION + OPERATIONS["sqrt"]),
    ],
)
def test_constants_are_no_operations(value: str, operations: int) -> None:
    tensors = {"x": ["i"], "out": ["i"]}
    spec = {"name": "p", "sizes": {"i": 64}, "tensors": tensors}
    statement = primitive_from({**spec, "statements": [f"out[i] = {value}"]}).statements[0]
    assert vector_operations(statement.value) == operations
