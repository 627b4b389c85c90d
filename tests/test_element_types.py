"""What an element is called in C and numpy, and its bytes, stand in compiler/problem/dtypes.py."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.test_layers import module_of, sources

C_TYPE = {  # where `float` in a text is meant
    "compiler.problem.dtypes": "the table",
    "compiler.problem.names": "a keyword of C, which no loop or tensor may be called",
    "harness.kernel.problem_data": "the kind of a round",
    "harness.kernel.expectation": "the kind of a round",
    "harness.export.packing": "the exported library's interface, of float32 alone",
    "harness.export.selftest": "the exported library's interface, of float32 alone",
}
NUMPY_TYPE = {  # where np.float32 is meant, whatever a tensor holds
    "compiler.problem.dtypes": "the table",
    "compiler.problem.deciding": "sums that float32 is exact for",
    "compiler.problem.evaluation": "what float32 rounds",
    "compiler.problem.memory": "sums that float32 is exact for",
    "compiler.problem.reference": "sums that float32 is exact for",
    "compiler.problem.scales": "numbers that float32 holds",
    "compiler.cost.tournament": "weights of a network",
    "compiler.cost.tournament_file": "weights of a network",
    "harness.kernel.expectation": "rounds that float32 is exact for",
}
FOURS = {  # where a product with 4, or a quotient, is of no bytes
    "compiler.problem.evaluation": "units in the last place",
    "compiler.space.candidates": "three quarters of a latency",
}


def texts(tree: ast.AST) -> Iterator[str]:
    """String constants, but for docstrings."""
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in docstrings:
            yield str(node.value)


def by_four(node: ast.AST) -> bool:
    """Whether it is `4 * x`, `x * 4`, `x / 4`, `x // 4` or `x % 4`."""
    if not isinstance(node, ast.BinOp):
        return False
    scales = isinstance(node.op, ast.Mult | ast.Div | ast.FloorDiv | ast.Mod)
    sides = [side.value for side in (node.left, node.right) if isinstance(side, ast.Constant)]
    return scales and 4 in sides


def test_c_types_are_printed_from_the_table() -> None:
    for path in sources("compiler", "harness"):
        if module_of(path) not in C_TYPE:
            found = [t for t in texts(ast.parse(path.read_text())) if re.search(r"\bfloat\b", t)]
            assert not found, f"{module_of(path)} writes out a type of elements: {found}"


def test_arrays_are_made_of_a_tensors_type() -> None:
    for path in sources("compiler", "harness/kernel", "harness/measure"):
        if module_of(path) not in NUMPY_TYPE:
            assert "np.float32" not in path.read_text(), f"{module_of(path)} writes out np.float32"


def test_bytes_of_elements_come_from_the_table() -> None:
    for path in sources("compiler", "harness/kernel"):
        if module_of(path) not in FOURS:
            nodes = ast.walk(ast.parse(path.read_text()))
            found = [ast.unparse(node) for node in nodes if by_four(node)]
            assert not found, f"{module_of(path)} writes out the bytes of an element: {found}"
