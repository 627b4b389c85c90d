"""The statements as written: nothing is hoisted, kept or reordered."""

from __future__ import annotations

from pathlib import Path

from compiler.codegen.generate import untransformed
from compiler.lower.lowered import lowered
from compiler.problem.primitive import Primitive
from compiler.problem.specification import primitive_from
from compiler.space.scalar import as_written
from tests.compiler.codegen.batch import build_batch, call, expected_of
from tests.compiler.problem.operators import MAX_POOL, OPERATORS


def _lines(primitive: Primitive, threads: int = 1) -> list[str]:
    kernel = untransformed(lowered(primitive, as_written(primitive, threads)))
    return [line.strip() for line in kernel.text.splitlines()]


def test_every_iteration_asks_and_sums_in_memory() -> None:
    lines = _lines(primitive_from(MAX_POOL))
    loops = [line for line in lines if line.startswith("for (long i_")]
    bounds = [line.split("= 0; ")[1].split(";")[0] for line in loops]
    assert bounds == ["i_n < 1", "i_c < 2", "i_oh < 4", "i_ow < 4", "i_kh < 3", "i_kw < 2"]
    (update,) = (line for line in lines if line.startswith("t_out["))
    assert "i_kh + 2*i_oh - 1 >= 0 && i_kh + 2*i_oh - 1 < 7 &&" in update


def test_threads_share_the_outermost_run_of_loops_once() -> None:
    lines = _lines(primitive_from(MAX_POOL), threads=2)
    shared = [lines[i + 1] for i, line in enumerate(lines) if line.endswith("collapse(3)")]
    assert [line.split(" = ")[0] for line in shared] == ["for (long i_n"]


def test_every_operator_as_the_reference_has_it(tmp_path: Path) -> None:
    primitives = [primitive_from(spec) for spec in OPERATORS.values()]
    kernels = [untransformed(lowered(p, as_written(p, threads=2))) for p in primitives]
    library = build_batch(kernels, tmp_path, "written")
    for index, (primitive, kernel) in enumerate(zip(primitives, kernels, strict=True)):
        expected = expected_of(primitive)
        expected.compare(call(library, index, kernel, expected.inputs), primitive.name)
