"""oneDNN against the reference on the fifty problems of benchdnn's format."""

from __future__ import annotations

import numpy as np

from compiler.problem.reference import reference
from compiler.problem.specification import primitive_from
from harness.baseline.baseline import Prepared
from harness.baseline.onednn.onednn import OneDnn
from harness.kernel.toolchain import Toolchain
from harness.settings import load_settings
from tests.harness.baseline.adapter import LoadedAdapter
from tests.harness.benchdnn.test_shapes import SHAPES


def test_onednn_computes_what_our_primitives_say(toolchain: Toolchain) -> None:
    baseline, random = OneDnn(toolchain), np.random.default_rng(0)
    (settings,) = load_settings(["workload=benchdnn", f"workload.batch={SHAPES}"])
    for choice in settings.problems:
        primitive = primitive_from(choice.spec)
        prepared = baseline.prepare(primitive, 1)
        assert isinstance(prepared, Prepared), (choice.name, prepared)
        inputs = {
            t.name: random.uniform(-1, 1, t.shape) for t in primitive.tensors if t.role == "input"
        }
        ((name, wanted),) = reference(primitive, inputs).items()
        with LoadedAdapter(prepared.executable) as adapter:
            for tensor, values in inputs.items():
                adapter.bind(tensor, values.astype(np.float32))
            adapter.run()
            found = adapter.fetch(name, wanted.shape)
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4, err_msg=choice.name)
