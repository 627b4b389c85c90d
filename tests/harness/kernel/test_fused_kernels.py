"""Fused, random and odd kernels pass every round; every primitive in `make soak`."""

from __future__ import annotations

from pathlib import Path

from tests.compiler.codegen.fused_problems import ODD, RANDOM, SHIPPED
from tests.harness.kernel.batch_rounds import check_rounds

SEED = 20261125


def test_fused_kernels_of_random_sizes_are_right(tmp_path: Path) -> None:
    found = check_rounds((*SHIPPED, RANDOM), 1, SEED, tmp_path)
    assert found.failures == ()
    for part in ("fused", "apart", "4 lanes", "8 lanes", "16 lanes", "1 threads", "2 threads"):
        assert any(part in kind for kind in found.kernels), part


def test_statements_of_odd_forms_are_right(tmp_path: Path) -> None:
    assert check_rounds((ODD,), 40, SEED, tmp_path).failures == ()
