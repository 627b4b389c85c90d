"""Fused kernels of random sizes pass every round; by the hundred in `make soak`."""

from __future__ import annotations

from pathlib import Path

from tests.compiler.codegen.fused_problems import SHIPPED
from tests.harness.kernel.batch_rounds import check_fused

SEED = 20261125


def test_fused_kernels_of_random_sizes_are_right(tmp_path: Path) -> None:
    found = check_fused(SHIPPED, 2, SEED, tmp_path)
    assert found.failures == ()
    for part in ("fused", "apart", "4 lanes", "8 lanes", "16 lanes", "1 threads", "2 threads"):
        assert any(part in kind for kind in found.kernels), part
