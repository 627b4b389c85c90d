"""Normalisations without a file of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from tests.harness.onnx.computed import check_computed
from tests.harness.onnx.models import model, network, node, saved


@pytest.mark.parametrize("beta", [0.5, 0.75, 1.0])
@pytest.mark.parametrize("size", [1, 3, 4])
def test_neighbouring_channels(size: int, beta: float, tmp_path: Path) -> None:
    """Of as many images as channels: of others ONNX's reference leaves channels out."""
    made = node("LRN", "x", "h", size=size, alpha=0.5, beta=beta, bias=2.0)
    nodes = [made, node("Relu", "h", "y")]
    check_computed(model(nodes, {"x": (5, 5, 2, 3)}, "y"), "lrn_relu", {"x": "x"}, tmp_path)


@pytest.mark.parametrize(("channels", "opset"), [(6, 21), (3, 18)])
def test_groups_of_channels(channels: int, opset: int, tmp_path: Path) -> None:
    """Scale and shift were those of groups before opset 21. The file says the result's shape,
    which ONNX does not infer."""
    nodes = [
        node("GroupNormalization", "x k kb", "h", num_groups=3, epsilon=0.01),
        node("Relu", "h", "y"),
    ]
    parameters = {"k": (channels,), "kb": (channels,)}
    made = model(nodes, {"x": (2, 6, 4, 5)}, "y", parameters, opset)
    told = helper.make_tensor_value_info("h", TensorProto.FLOAT, (2, 6, 4, 5))
    made.graph.value_info.append(told)
    check_computed(made, "group_norm_relu", {"x": "x", "gamma": "k", "beta": "kb"}, tmp_path)


def test_every_channel_is_a_group(tmp_path: Path) -> None:
    nodes = [node("InstanceNormalization", "x k kb", "h", epsilon=0.01), node("Relu", "h", "y")]
    made = model(nodes, {"x": (2, 6, 4, 5)}, "y", {"k": (6,), "kb": (6,)})
    check_computed(made, "instance_norm_relu", {"x": "x", "gamma": "k", "beta": "kb"}, tmp_path)


def test_root_mean_square(tmp_path: Path) -> None:
    made = node("RMSNormalization", "x k", "y", axis=-2)
    whole = model([made], {"x": (2, 3, 4, 5)}, "y", {"k": (4, 5)}, 23)
    check_computed(whole, "rms_norm", {"x": "x", "gamma": "k"}, tmp_path)


def test_parameters_that_do_not_fit_have_a_reason(tmp_path: Path) -> None:
    nodes = [
        node("LRN", "x", "a", size=0),
        node("LRN", "x", "b", size=3, beta=0.3),
        node("InstanceNormalization", "x k k", "c"),
        node("GroupNormalization", "x k k", "d", num_groups=4),
        node("RMSNormalization", "x k", "e", axis=7),
        node("LRN", "x", "f", size=3, alpha=float(np.inf)),
        node("Relu", "x", "g"),
    ]
    made = model(nodes, {"x": (2, 6, 4, 5)}, "a b c d e f g", {"k": (3,)}, 23)
    found = network(saved(made, tmp_path))
    told = {one["node"]: one["reason"] for one in found.facts["left_out"]}
    assert told == {
        "a": "a size of 0 for 4 dimensions",
        "b": "the power 0.3; multiples of 0.25 up to 4 are expressed",
        "c": "'k' of (3,) for (6,)",
        "d": "6 channels in 4 groups",
        "e": "an axis 7 of 4",
        "f": "inf is no finite number",
    }
