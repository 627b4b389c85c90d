"""The default ranking, pinned: whatever moves an estimate or the first eight schedules is seen.

`pytest --update-golden` rewrites tests/compiler/cost/golden; look before accepting it.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from compiler.pipeline import ranked_schedules, searched
from compiler.problem.architecture import Architecture, CacheLevel
from compiler.problem.specification import primitive_from
from tests.compiler.machines import AVX2, AVX512, NEON
from tests.compiler.problem.operators import conv2d, matmul

GOLDEN = Path(__file__).parent / "golden"
FEW = 8  # what top_k measures
PER_TILE = 4

PROBLEMS: dict[str, dict[str, Any]] = {
    "stem": conv2d(n=1, ic=3, oc=64, ih=224, iw=224, kh=7, kw=7, stride=2, pad_h=3, pad_w=3),
    "pointwise": conv2d(n=1, ic=256, oc=64, ih=56, iw=56, kh=1, kw=1, pad_h=0, pad_w=0),
    "deep": conv2d(n=1, ic=512, oc=512, ih=7, iw=7),
    "square": matmul(m=512, n=512, k=512),
    "streamed": matmul(m=2048, n=4096, k=32),  # an output larger than the caches
}


def _measured(machine: Architecture, **ceilings: Any) -> Architecture:
    """The machine with ceilings, as a host has them."""
    bandwidths = ceilings.pop("bandwidths")
    caches = tuple(
        CacheLevel(f"L{i}", size, bandwidth=rate) for i, (size, rate) in enumerate(bandwidths, 1)
    )
    return replace(machine, caches=caches, **ceilings)


MACHINES = {
    "avx2": _measured(
        AVX2,
        peak=100.0,
        loads_per_cycle=1.8,
        drain_cycles=22.0,
        memory_bandwidth=14.0,
        bandwidths=((32 << 10, 190.0), (512 << 10, 95.0), (16 << 20, 40.0)),
    ),
    "avx512": _measured(
        AVX512,
        peak=184.5,
        loads_per_cycle=1.1,
        drain_cycles=20.0,
        memory_bandwidth=14.0,
        bandwidths=((45 << 10, 241.0), (1 << 20, 157.0), (23 << 20, 34.0)),
    ),
    "neon": _measured(
        NEON,
        peak=80.0,
        loads_per_cycle=3.0,
        drain_cycles=10.0,
        memory_bandwidth=25.0,
        bandwidths=((64 << 10, 120.0), (1 << 20, 60.0), (32 << 20, 35.0)),
    ),
}


def _ranking(problem: str, machine: str) -> dict[str, Any]:
    primitive = primitive_from(PROBLEMS[problem])
    ranked = ranked_schedules(primitive, MACHINES[machine])
    measured = searched(primitive, ranked, MACHINES[machine], FEW, PER_TILE)
    first = ranked[0]
    return {
        "schedules": len(ranked),
        "seconds": first.seconds,
        "parts": dict(first.parts),
        "first": [str(one.schedule) for one in measured],
    }


@pytest.mark.parametrize("machine", MACHINES)
def test_the_ranking_is_golden(machine: str, update_golden: bool) -> None:
    path = GOLDEN / f"{machine}.json"
    found = {problem: _ranking(problem, machine) for problem in PROBLEMS}
    if update_golden:
        path.write_text(json.dumps(found, indent=1) + "\n")
    assert path.exists(), f"{path} is missing; write it with pytest --update-golden"
    golden = json.loads(path.read_text())
    assert set(golden) == set(found)
    for problem, expected in golden.items():
        ranking = found[problem]
        assert ranking["first"] == expected["first"], problem
        assert ranking["schedules"] == expected["schedules"], problem
        assert ranking["seconds"] == pytest.approx(expected["seconds"], rel=1e-6), problem
        assert ranking["parts"] == pytest.approx(expected["parts"], rel=1e-6), problem


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(MACHINES)
