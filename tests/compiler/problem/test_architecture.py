"""What no machine has is refused by name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from compiler.errors import ProblemError
from compiler.problem.dtypes import F32
from tests.compiler.machines import AVX2, MACHINES
from tests.compiler.problem.another_dtype import F64


@pytest.mark.parametrize(
    ("field", "value", "allowed"),
    [
        ("vector_bytes", 24, "must be 4, 16, 32 or 64"),
        *((name, 0, "must be >= 1") for name in ("vector_registers", "fma_per_cycle", "cores")),
    ],
)
def test_a_machine(field: str, value: int, allowed: str) -> None:
    changed: dict[str, Any] = {field: value}
    with pytest.raises(ProblemError) as caught:
        replace(AVX2, **changed)
    assert str(caught.value) == f"architecture avx2: {field} {allowed}, got {value}"


@pytest.mark.parametrize(("vector_bytes", "lanes"), [(4, 1), (16, 4), (32, 8), (64, 16)])
def test_lanes_are_elements(vector_bytes: int, lanes: int) -> None:
    machine = replace(AVX2, vector_bytes=vector_bytes)
    assert machine.lanes(F32) == lanes
    assert machine.lanes(F64) == max(1, lanes // 2)  # a vector register of four bytes is none


@pytest.mark.parametrize("field", ["bytes", "line", "ways", "shared_by"])
def test_a_cache(field: str) -> None:
    changed: dict[str, Any] = {field: 0}
    with pytest.raises(ProblemError, match=rf"architecture: L1\.{field} must be >= 1, got 0"):
        replace(AVX2.caches[0], **changed)


def test_masks_are_those_of_avx() -> None:
    assert {m.name: m.masked for m in MACHINES} == {
        "avx2": True,
        "avx512": True,
        "neon": False,
        "scalar": False,
    }
