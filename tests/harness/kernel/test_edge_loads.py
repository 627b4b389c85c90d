"""Vectors that lie partly outside their tensors, by every round, as targets of x86 load them.

A host with AVX-512 runs what one with AVX2 does as well. Not the other way round: there the first
is left out, and the end of the run says so.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from compiler.codegen.generate import generate
from compiler.lower.fit import fitted
from compiler.model.loop_nest import loop_nest
from compiler.schedule.text import parse_schedule
from tests.compiler.codegen import test_interior, test_lane_reads
from tests.compiler.codegen.batch import FLAGS, combined
from tests.compiler.codegen.targets import NATIVE, VARIANTS
from tests.harness.kernel.batch_rounds import Case, wrong
from tests.mutation.outcomes import clean_processes

WIDE = ("__AVX512VL__", "__builtin_ia32_loadups256_mask")
NARROW = ("__AVX2__", "__builtin_ia32_maskloadps256")
LOADS = [  # the macro of compilers whose target has them, and the builtin
    pytest.param(NATIVE, *WIDE, id="AVX-512"),
    pytest.param("no AVX-512", *NARROW, id="AVX2"),
    pytest.param("clang, no AVX-512", *NARROW, id="AVX2, clang", marks=pytest.mark.needs("clang")),
]


@pytest.fixture(scope="module")
def process() -> Iterator[ProcessPoolExecutor]:
    with clean_processes(1) as pool:
        yield pool


def _cases() -> list[Case]:
    cases = []
    reads = [(primitive, text) for primitive, text, _ in test_lane_reads.SCHEDULES]
    for primitive, text in (*test_interior.CASES, *reads):
        schedule = parse_schedule(text)
        kernel = generate(fitted(loop_nest(primitive).nest, schedule))
        if "vec_between" in kernel.text:
            cases.append(Case(primitive, schedule, kernel, threads=1))
    return cases


@pytest.mark.parametrize(("variant", "macro", "builtin"), LOADS)
def test_every_round_of_every_edge(
    process: ProcessPoolExecutor, variant: str, macro: str, builtin: str, tmp_path: Path
) -> None:
    cases = _cases()
    command = [*VARIANTS.get(variant, VARIANTS[NATIVE]), *FLAGS, "-E", "-dD", "-x", "c", "-"]
    text = combined([case.kernel for case in cases])
    seen = subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout
    if f"#define {macro} " not in seen:
        pytest.skip(f"this host's compilers define no {macro}: its loads of edges are not run")
    assert len(cases) >= 10 and re.search(f"return .*{builtin}", seen)
    assert process.submit(wrong, cases, tmp_path, "edges", "-O1", variant).result() == []
