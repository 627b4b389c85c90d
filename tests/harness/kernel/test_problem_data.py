from __future__ import annotations

from pathlib import Path

import numpy as np

from compiler.problem.specification import primitive_from
from harness.kernel import problem_data
from harness.kernel.expectation import computed
from tests.harness.matmul_kernels import SPEC


def test_a_folder_gives_back_what_was_computed(tmp_path: Path) -> None:
    data = computed(primitive_from(SPEC), seed=3)
    problem_data.save(data, tmp_path / "data")
    problem_data.save(data, tmp_path / "data")  # the second one is too late, and says nothing
    held = problem_data.read(tmp_path / "data")
    assert [p.name for p in tmp_path.iterdir()] == ["data"]
    assert held.shapes == data.shapes and held.reduction_length == data.reduction_length
    for name, values in data.inputs.items():
        np.testing.assert_array_equal(held.inputs[name], values)
        assert held.inputs[name].dtype == np.float32
    product = data.inputs["a"].astype(float) @ data.inputs["b"].astype(float)
    np.testing.assert_allclose(held.expected["c"], product, rtol=1e-12)


def test_big_problems_are_sampled(tmp_path: Path) -> None:
    primitive = primitive_from(SPEC)
    full = computed(primitive, seed=3)
    problem_data.save(computed(primitive, seed=3, full_flops=10), tmp_path / "data")
    held = problem_data.read(tmp_path / "data")
    points = held.points["c"]
    assert points is not None and full.points["c"] is None
    expected = full.expected["c"][tuple(points.T)]
    np.testing.assert_allclose(held.expected["c"], expected, rtol=1e-12)
