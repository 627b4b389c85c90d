"""C text of expressions: what maximum and minimum make of infinities and what is no number."""

from __future__ import annotations

import ctypes
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from compiler.codegen.generate import generate, untransformed
from compiler.codegen.scalar_expression import combined, library, number_text
from compiler.codegen.scalar_nest import inline
from compiler.lower.lowered import lowered
from compiler.model.loop_nest import loop_nest
from compiler.problem.dtypes import F32
from compiler.problem.specification import primitive_from
from compiler.space.scalar import as_written
from tests.compiler.codegen.batch import build_batch
from tests.compiler.problem.another_dtype import F64

VALUES = (-np.inf, -1.5, -0.0, 0.0, 2.0, np.inf, np.nan)


def test_of_a_number_and_a_nan_the_number(tmp_path: Path) -> None:
    pairs = np.array(list(product(VALUES, repeat=2)), np.float32)
    spec = {
        "name": "both",
        "sizes": {"i": len(pairs)},
        "tensors": {name: ["i"] for name in ("a", "b", "most", "least")},
        "statements": ["most[i] = max(a[i], b[i])", "least[i] = min(a[i], b[i])"],
    }
    nest = loop_nest(primitive_from(spec)).nest
    tree = lowered(nest, as_written(nest))
    kernels = [generate(tree), untransformed(tree)]
    library = build_batch(kernels, tmp_path, "both")
    a, b = np.ascontiguousarray(pairs.T)
    for index in range(len(kernels)):
        arrays = [a.copy(), b.copy(), np.zeros_like(a), np.zeros_like(a)]
        pointers = (ctypes.c_void_p * 4)(*(array.ctypes.data for array in arrays))
        library[f"kernel_{index}"](pointers)
        np.testing.assert_array_equal(arrays[2], np.fmax(a, b))
        np.testing.assert_array_equal(arrays[3], np.fmin(a, b))


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.5, "0.5f"), (-3.0, "-3.0f"), (1e300, "__builtin_inff()"), (-np.inf, "-__builtin_inff()"),
     (3.4028234e38, "3.4028234e+38f")],
)  # fmt: skip
def test_numbers(value: float, text: str) -> None:
    assert number_text(value, F32) == text
    assert number_text(0.5, F64) == "0.5" and number_text(-np.inf, F64) == "-__builtin_inf()"


def test_a_value_sets_a_target_or_continues_it() -> None:
    assert combined(None, "t", "x", library(F32)) == "t = x;"
    assert combined("add", "t", "x", library(F32)) == "t += x;"
    assert combined("min", "t", "x", inline(F32)) == "t = minimum(t, x);"
    assert combined("max", "t", "x", library(F32)) == "t = __builtin_fmaxf(t, x);"
