from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from compiler.problem.specification import primitive_from
from compiler.schedule.layout import Layout
from harness.kernel import problem_data
from harness.kernel.expectation import computed
from harness.kernel.problem_data import Inputs
from tests.harness.matmul_kernels import SPEC


def test_a_folder_gives_back_what_was_computed(tmp_path: Path) -> None:
    data = computed(primitive_from(SPEC), seed=3)
    problem_data.save(data, tmp_path / "data")
    problem_data.save(data, tmp_path / "data")  # the second one is too late, and says nothing
    held = problem_data.read(tmp_path / "data")
    assert [p.name for p in tmp_path.iterdir()] == ["data"]
    assert (held.shapes, held.terms, held.decided) == (data.shapes, data.terms, data.decided)
    assert [one.kind for one in held.rounds] == ["float", "exact", "exact"]
    for found, wanted in zip(held.rounds, data.rounds, strict=True):
        assert found.growth == wanted.growth and found.scale.keys() == wanted.scale.keys()
        for name in wanted.inputs.stored:
            assert found.inputs.values(name).dtype == np.float32
            np.testing.assert_array_equal(found.inputs.values(name), wanted.inputs.values(name))
        a, b = (found.inputs.values(name).astype(float) for name in "ab")
        np.testing.assert_allclose(found.expected["c"], a @ b, rtol=1e-12, atol=1e-12)


def test_what_is_packed_is_kept_while_it_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = Inputs({"a": np.arange(6, dtype=np.int8).reshape(2, 3)}, {"a": -1})
    layout = Layout((2, 3), (1, 0))
    packed = inputs.packed("a", layout)
    assert packed.tolist() == [0, 1.5, 0.5, 2, 1, 2.5]
    assert inputs.packed("a", layout) is packed
    assert inputs.packed("a", Layout((2, 3), (0, 1))).tolist() == [0, 0.5, 1, 1.5, 2, 2.5]
    monkeypatch.setattr(problem_data, "MOST_KEPT", 48 + 23)
    reversed_rows = Layout((2, 3), (0, 1), ((1, 3),))
    assert inputs.packed("a", reversed_rows) is not inputs.packed("a", reversed_rows)
