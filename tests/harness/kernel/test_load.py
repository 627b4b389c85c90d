"""A kernel as the measuring child gets it: through JSON, with buffers of its own types."""

from __future__ import annotations

import json

import numpy as np
import pytest

from compiler.pipeline import compile_schedule, ranked_schedules
from compiler.problem.dtypes import DTYPES
from compiler.problem.inputs import random_inputs
from compiler.problem.reference import reference
from compiler.problem.specification import primitive_from
from harness.failure import Failure
from harness.kernel.build import build
from harness.kernel.load import buffer_bytes, kernel_spec, load
from harness.kernel.problem_data import Inputs
from harness.kernel.toolchain import Toolchain
from tests.compiler.machines import AVX2
from tests.compiler.problem.another_dtype import F64
from tests.harness.matmul_kernels import SPEC


def test_a_kernel_of_another_type(toolchain: Toolchain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DTYPES, F64.name, F64)
    primitive = primitive_from({**SPEC, "dtype": "f64"})
    kernel = compile_schedule(primitive, ranked_schedules(primitive, AVX2, limit=1)[0].schedule)
    built = build(kernel.text, kernel.openmp, toolchain)
    assert not isinstance(built, Failure), built
    spec = json.loads(json.dumps(kernel_spec(kernel, built.path)))
    assert buffer_bytes(spec) == sum(buffer.bytes for buffer in kernel.buffers)
    inputs = random_inputs(primitive, 0)
    expected = reference(primitive, inputs)["c"]
    executable = load(spec)
    executable.bind(Inputs(inputs), "end", np.array([np.nan]))
    executable.run()
    assert executable.damage() is None
    assert [size for _, _, size in executable.memory()] == [b.bytes for b in kernel.buffers]
    found = executable.fetch("c", expected.shape)
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-13)
