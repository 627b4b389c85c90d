"""Generated kernels of every kind of primitive pass every round: no right one is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from compiler.model.loop_nest import loop_nest
from compiler.pipeline import compile_schedule
from compiler.problem.architecture import Architecture
from compiler.problem.specification import primitive_from
from compiler.space.candidates import candidates
from compiler.space.scalar import scalar_schedule
from harness.failure import Failure
from harness.kernel.build import build
from harness.kernel.expectation import computed
from harness.kernel.load import kernel_spec, load
from harness.kernel.toolchain import Toolchain
from harness.kernel.verify import Verified, verify
from tests.compiler.problem.chains import CHAINS, FLOAT_ALONE, ROUNDED, SHIPPED
from tests.compiler.problem.operators import OPERATORS

MACHINE = Architecture("avx2", "x86_64", 32, 16)
LONG = {"m": 60, "n": 100, "k": 900}  # sums that would overflow exp, and some next to 0
CASES: dict[str, dict[str, Any]] = {
    **SHIPPED,
    **OPERATORS,
    **CHAINS,
    **{name: spec for name, (spec, _) in ROUNDED.items()},
    **{f"{name}, long": {**ROUNDED[name][0], "sizes": LONG} for name in ("silu", "root")},
    **{name: FLOAT_ALONE[name][0] for name in ("softmax", "Winograd's thirds")},
}
WITHOUT = (  # an exact form
    *("softmax", "attention", "mlp", "squeeze_excite"),
    *("layernorm_matmul", "matmul_softmax", "softmax_matmul"),
    *("Winograd's thirds", "recurrence"),
)


@pytest.mark.parametrize("name", CASES)
def test_a_right_kernel_passes(name: str, toolchain: Toolchain) -> None:
    primitive = primitive_from(CASES[name])
    nest = loop_nest(primitive).nest
    data = computed(primitive, seed=0)
    rounds: Mapping[str, int] = {}
    for schedule in {scalar_schedule(nest), *candidates(nest, MACHINE)[:1]}:
        kernel = compile_schedule(primitive, schedule)
        built = build(kernel.text, kernel.openmp, toolchain)
        assert not isinstance(built, Failure), built
        found = verify(load(kernel_spec(kernel, built.path)), data, threads=2)
        assert isinstance(found, Verified), (schedule, found)
        assert found.repeatable and found.max_error <= found.tolerance
        rounds = found.rounds
    assert ("exact" not in rounds) is (name in WITHOUT)
