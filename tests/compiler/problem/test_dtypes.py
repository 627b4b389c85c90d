"""The type of elements stands once: another one flows through everything that asks for it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from compiler.codegen.c_printer import prelude
from compiler.cost.footprints import Footprint
from compiler.model.loop_nest import loop_nest
from compiler.pipeline import compile_schedule, compile_untransformed, estimated, ranked_schedules
from compiler.problem.dtypes import DTYPES, F32
from compiler.problem.specification import primitive_from
from compiler.schedule.layout import Layout, layout_from_tag, layout_of
from compiler.space.candidates import candidates
from tests.compiler.codegen.batch import check_cases
from tests.compiler.machines import AVX2, AVX512, MACHINES, NEON, SCALAR
from tests.compiler.problem.another_dtype import F64, in_f64
from tests.compiler.problem.chains import SHIPPED, after
from tests.compiler.problem.operators import matmul

BIAS = after(
    "c[m,n] = 0.1*c[m,n] + bias[n]",
    sizes={"m": 9, "n": 20},
    tensors={"bias": ["n"]},
)
POOL = {
    "name": "pool",
    "sizes": {"c": 3, "i": 8, "k": 3},
    "extents": {"o": "(i + 2 - k)//2 + 1"},
    "tensors": {"x": ["c", "i"], "y": ["c", "o"], "w": ["k"]},
    "outside": {"x": "-inf"},
    "values": {"w": [1, "1/3", 2]},
    "statements": ["y[c,o] = max(y[c,o], w[k]*x[c, 2*o + k - 1])", "y[c,o] = exp(y[c,o])"],
}


def test_the_table() -> None:
    for name, dtype in DTYPES.items():
        assert name == dtype.name and dtype.bytes == np.dtype(dtype.numpy).itemsize
    assert primitive_from(matmul(m=4, n=4, k=4)).dtype == F32
    assert F64 != F32 and in_f64(primitive_from(BIAS)).dtype == F64


def test_layouts_hold_elements_of_the_type() -> None:
    layout = layout_from_tag("aB4b", (2, 6), F64)
    assert (layout.elements, layout.bytes) == (16, 128)
    values = np.arange(12) + 2.0**-40  # of which float32 would keep nothing
    buffer = layout.pack(values.reshape(2, 6))
    assert buffer.dtype == F64.numpy
    np.testing.assert_array_equal(layout.unpack(buffer).reshape(-1), values)
    tensor = in_f64(primitive_from(BIAS)).tensor("c")
    assert layout_of(tensor).bytes == tensor.bytes == 8 * tensor.elements
    assert layout_of(tensor, "Ba4b").dtype == F64


def test_twice_the_bytes_touch_twice_the_lines() -> None:
    nest = primitive_from(matmul(m=64, n=64, k=64))
    access = nest.statements[0].reads[1]
    lines = [
        Footprint(access, Layout((64, 64), (0, 1), dtype=dtype)).lines({"m": 1, "n": n, "k": 64})
        for dtype, n in ((F32, 32), (F64, 16), (F64, 32))
    ]
    assert lines[0].touched == lines[1].touched == 128 and lines[2].touched == 256


def test_candidates_and_estimates_follow_the_type() -> None:
    primitive = primitive_from(matmul(m=64, n=64, k=64))
    double = in_f64(primitive)
    for machine in MACHINES:
        lanes = {s.band.vector[1] for s in candidates(double, machine)}
        assert lanes == {machine.lanes(F64)}
    best = ranked_schedules(double, AVX512, limit=1)[0].schedule
    one, two = (estimated(p, best, AVX512) for p in (primitive, double))
    assert one.moved["L2"] < two.moved["L2"]


def test_preludes_name_the_type() -> None:
    text = prelude(F64, 4, True)
    assert "typedef double vec __attribute__((vector_size(32), may_alias));" in text
    assert "aligned(8)" in text and "__builtin_memcpy(&part, (p), 8 * (n))" in text
    assert "__builtin_ia32_movntpd256((double *)(p), (x))" in text
    assert "typedef double vec;" in prelude(F64, 1, False)


def test_kernels_in_another_type(tmp_path: Path) -> None:
    """Compiled and run: their results have its precision, and their text no other one's name."""
    cases = []
    for spec, machines in ((BIAS, (NEON, AVX2, AVX512)), (POOL, (SCALAR,))):
        primitive = in_f64(primitive_from(spec))
        for machine in machines:
            best = ranked_schedules(primitive, machine, limit=2)
            cases += [(primitive, ranked.schedule) for ranked in best]
    padded = in_f64(primitive_from(SHIPPED["conv2d"]))
    nest = loop_nest(padded).nest
    cases.append((padded, next(s for s in candidates(nest, AVX2) if s.pack)))
    for primitive, schedule in cases:
        for kernel in (
            compile_schedule(primitive, schedule),
            compile_untransformed(primitive),
        ):
            assert {buffer.dtype for buffer in kernel.buffers} == {F64}
            assert all(buffer.bytes == 8 * buffer.elements for buffer in kernel.buffers)
            assert not re.search(r"float|[0-9]f\b|expf|maxf|inff", kernel.text)
    check_cases(cases, tmp_path, "double")
