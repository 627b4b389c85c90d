"""What is written of a network's one group against what ONNX's own reference computes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto, numpy_helper
from onnx.reference import ReferenceEvaluator

from compiler.problem.primitive import Primitive
from compiler.problem.reference import reference
from compiler.problem.specification import primitive_from
from tests.harness.onnx.models import FILES, network, saved

EPSILON = 0.25  # of the batch normalisations in the networks


def check_computed(
    made: ModelProto,
    name: str,
    tensors: Mapping[str, str],
    folder: Path,
    same: ModelProto | None = None,
) -> None:
    """The network is one problem of this primitive, whose tensors are the network's.

    `same` computes what the network does, where ONNX's reference does not compute that.
    """
    found = network(saved(made, folder))
    assert not found.facts["left_out"]
    (entry,) = found.entries
    assert entry["primitive"] == name
    spec = found.primitives.get(name) or FILES[name]
    primitive = primitive_from({**spec, "sizes": {**spec["sizes"], **entry["sizes"]}})
    random = np.random.default_rng(1)
    fed = {
        value.name: random.normal(
            size=[d.dim_value for d in value.type.tensor_type.shape.dim]
        ).astype(np.float32)
        for value in made.graph.input
    }
    outputs: Any = ReferenceEvaluator(same or made).run(None, fed)
    expected = np.asarray(outputs[0])
    held = {tensor.name: numpy_helper.to_array(tensor) for tensor in made.graph.initializer}
    inputs = {
        mine: _as_stored(primitive, mine, {**held, **fed}[theirs])
        for mine, theirs in tensors.items()
    }
    for end in ("", "_2"):
        if f"shift{end}" in {tensor.name for tensor in primitive.tensors}:
            inputs |= _folded(held, end)
    for tensor in primitive.tensors:
        if tensor.values is not None:
            inputs[tensor.name] = np.reshape(tensor.values, tensor.shape)
    (output,) = (tensor.name for tensor in primitive.tensors if tensor.role == "output")
    result = reference(primitive, inputs)[output].transpose(primitive.tensor(output).stored)
    assert np.allclose(result.reshape(expected.shape), expected, rtol=1e-4, atol=1e-5)


def _as_stored(primitive: Primitive, name: str, held: Any) -> Any:
    """The network's array, which lies in memory as the primitive stores its tensor."""
    tensor = primitive.tensor(name)
    stored = held.reshape([tensor.shape[axis] for axis in tensor.stored])
    return np.transpose(stored, np.argsort(tensor.stored))


def _folded(held: dict[str, Any], end: str) -> dict[str, Any]:
    s, b, mean, var = (held[f"{name}{end.strip('_')}"] for name in ("s", "b", "mean", "var"))
    scale = s / np.sqrt(var + EPSILON)
    return {f"scale{end}": scale, f"shift{end}": b - mean * scale}
