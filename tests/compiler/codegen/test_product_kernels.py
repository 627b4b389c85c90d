"""The paper's variants compute what numpy and the untransformed nest compute.

Their reductions (channel tiles, taps) run outside the microkernel, which accumulates into memory.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from compiler.model.loop_nest import loop_nest
from compiler.problem.architecture import Architecture
from compiler.problem.specification import primitive_from
from compiler.space.paper_variants import paper_variants
from tests.compiler.codegen.batch import check_cases
from tests.compiler.machines import AVX2, AVX512
from tests.compiler.problem.operators import conv2d, matmul

SAMPLED = 3
PROBLEMS: tuple[dict[str, Any], ...] = (
    conv2d(ic=32, oc=64, ih=8, iw=12, pad_h=1, pad_w=1),
    conv2d(n=2, ic=64, oc=32, ih=7, iw=8, kh=3, kw=3, pad_h=2, pad_w=3, stride=2),
    conv2d(ic=3, oc=24, ih=10, iw=8, dilation=2, pad_h=2, pad_w=2),
    conv2d(ic=48, oc=96, ih=4, iw=6, kh=1, kw=1, pad_h=0, pad_w=0),
    conv2d(n=3, ic=40, oc=20, ih=3, iw=3, pad_h=0, pad_w=0),
    matmul(m=64, n=128, k=96),
    matmul(m=35, n=50, k=32),
)


@pytest.mark.parametrize(("machine", "threads"), [(AVX2, 1), (AVX512, 2)])
def test_variants_match_both_oracles(tmp_path: Path, machine: Architecture, threads: int) -> None:
    rng = random.Random(threads)
    cases = []
    for spec in PROBLEMS:
        primitive = primitive_from(spec)
        variants = paper_variants(loop_nest(primitive), machine, threads)
        few = rng.sample(variants, min(SAMPLED, len(variants)))
        cases += [(primitive, schedule) for schedule in {*variants[:4], *few}]
    cases.sort(key=lambda case: (str(case[0].sizes), str(case[1])))
    check_cases(cases, tmp_path, "product")
