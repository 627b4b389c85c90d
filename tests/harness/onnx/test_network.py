"""Whole files: what problems they are, how often, and what is left out by name."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from onnx import NodeProto, TensorProto

from harness.errors import SettingsError
from tests.harness.onnx.models import PUBLIC, model, network, node, saved

# Files of the onnx package, by what is left out of each. They are made with Caffe2 and PyTorch.
READ = {
    "light/light_bvlc_alexnet.onnx": {},
    "light/light_densenet121.onnx": {"Concat": 58},
    "light/light_inception_v1.onnx": {"Concat": 9},
    "light/light_inception_v2.onnx": {"Concat": 10},
    "light/light_resnet50.onnx": {},
    "light/light_shufflenet.onnx": {"Transpose": 16, "Concat": 3},
    "light/light_squeezenet.onnx": {"Concat": 8},
    "light/light_vgg19.onnx": {},
    "light/light_zfnet512.onnx": {},
    "pytorch-converted/test_ConvTranspose2d/model.onnx": {},
    "pytorch-converted/test_Conv2d_depthwise_with_multiplier/model.onnx": {},
    "pytorch-converted/test_GLU/model.onnx": {"Split": 1},
    "pytorch-operator/test_operator_addmm/model.onnx": {},
    "simple/test_gradient_of_add/model.onnx": {"Gradient": 1},
}


@pytest.mark.parametrize("file", READ)
def test_public_files(file: str) -> None:
    found = network(PUBLIC / file)
    assert Counter(one["op"] for one in found.facts["left_out"]) == READ[file]
    taken = sum(len(named.split()) for entry in found.entries for named in entry["nodes"])
    left = len(found.facts["left_out"])
    assert taken + found.facts["nothing"] + left == found.facts["nodes"]
    assert all(entry["count"] == len(entry["nodes"]) for entry in found.entries)


def test_resnet50_is_its_convolutions_with_what_follows() -> None:
    """Every convolution once, with its normalisation; sums and ReLUs behind the last of a block."""
    found = network(PUBLIC / "light" / "light_resnet50.onnx")
    often: Counter[str] = Counter()
    for entry in found.entries:
        often[entry["primitive"]] += entry["count"]
    assert often == {
        "conv2d_bn_relu": 33,
        "conv2d_bn": 4,
        "conv2d_bn_residual_relu": 16,
        "max_pool2d": 1,
        "avg_pool2d": 1,
        "matmul_bt_bias": 1,
        "softmax": 1,
    }
    stem, *_ = found.entries
    assert stem["name"] == "light_resnet50_00"
    assert found.primitives["conv2d_bn_residual_relu"]["statements"][1] == (
        "out[n,oc,oh,ow] = max(out[n,oc,oh,ow] * scale[oc] + shift[oc] + residual[n,oc,oh,ow], 0)"
    )


def test_what_no_primitive_computes_has_a_reason(tmp_path: Path) -> None:
    nodes = [
        node("Relu", "x", "a"),
        node("Concat", "a a", "b", axis=1),
        node("FusedThing", "b", "c", domain="com.example"),
        node("Relu", "c", "d"),
        node("Cast", "a", "e", to=TensorProto.DOUBLE),
        node("Relu", "e", "f"),
        node("Pow", "a x", "g"),
        node("MaxPool", "a", "h", kernel_shape=[1, 1]),
        node("MaxPool", "p", "q", kernel_shape=[2, 2, 2]),
        node("Add", "p h", "r"),
    ]
    inputs = {"x": (1, 3, 4, 5), "p": (1, 3, 4, 5, 6)}
    found = network(saved(model(nodes, inputs, "d g h q"), tmp_path))
    told = {one["node"]: one["reason"] for one in found.facts["left_out"]}
    assert told == {
        "b": "it moves elements and computes nothing",
        "c": "operators of the domain com.example are not known",
        "d": "the shape of 'd' is not known",
        "e": "no primitive computes it",
        "f": "elements DOUBLE; primitives have f32",
        "g": "its exponent is not known",
        "q": "a pool of three dimensions; primitives have two",
        "r": "the shape of 'r' is not known",
    }


def test_control_flow_is_one_node_with_what_is_inside(tmp_path: Path) -> None:
    inner = model([node("Relu", "a", "b"), node("Relu", "b", "c")], {}, "c").graph
    branch = node("If", "flag", "y", then_branch=inner, else_branch=inner)
    made = model([node("Relu", "x", "a"), branch], {"x": (2, 3), "flag": ()}, "y")
    made.graph.input[1].type.tensor_type.elem_type = TensorProto.BOOL
    found = network(saved(made, tmp_path))
    assert found.facts["left_out"] == [
        {"node": "y", "op": "If", "reason": "control flow, with 4 nodes inside"}
    ]


def test_what_a_subgraph_reads_stays_outside_of_problems(tmp_path: Path) -> None:
    """The convolution's result is wanted by the branch, too: ReLU is no part of its problem."""
    inner = model([node("Neg", "a", "c")], {}, "c").graph
    nodes = [
        node("Conv", "x w", "a"),
        node("Relu", "a", "b"),
        node("If", "flag", "y", then_branch=inner, else_branch=inner),
    ]
    made = model(nodes, {"x": (1, 4, 6, 6), "flag": ()}, "b y", {"w": (4, 4, 1, 1)})
    made.graph.input[1].type.tensor_type.elem_type = TensorProto.BOOL
    found = network(saved(made, tmp_path))
    assert [entry["primitive"] for entry in found.entries] == ["conv2d", "relu_of_4d"]


def test_a_dropout_that_drops_is_no_view(tmp_path: Path) -> None:
    nodes = [
        *(node("Relu", "x", "a"), node("Dropout", "a", "b m"), node("Exp", "b", "c")),
        *(node("Dropout", "x ratio train", "d"), node("Exp", "d", "e")),
        *(node("Dropout", "x ratio infer", "f"), node("Exp", "f", "g")),
    ]
    constants = {"ratio": np.float32(0.5), "train": np.array(True), "infer": np.array(False)}
    found = network(saved(model(nodes, {"x": (2, 3)}, "c m e g", constants), tmp_path))
    assert {(one["node"], one["reason"]) for one in found.facts["left_out"]} == {
        ("b", "it leaves elements out, or tells which"),
        ("d", "it leaves elements out, or tells which"),
    }
    assert [entry["nodes"] for entry in found.entries] == [["a"], ["c", "e", "g"]]


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (node("Add", "x z", "y", axis=1, broadcast=1), "y[b,m,n] = x[b,m,n] + residual[m]"),
        (node("Add", "x z", "y", broadcast=1), "y[b,m,n] = x[b,m,n] + residual[n]"),
        (
            node("PRelu", "x z", "y"),
            "y[b,m,n] = max(x[b,m,n], 0) + other[m] * min(x[b,m,n], 0)",
        ),
    ],
)
def test_the_axis_of_a_second_operand_before_opset_7(
    made: NodeProto, told: str, tmp_path: Path
) -> None:
    path = saved(model([made], {"x": (2, 3, 3), "z": (3,)}, "y", opset=6), tmp_path)
    (primitive,) = network(path).primitives.values()
    assert primitive["statements"] == [told]


def test_parameters_that_do_not_fit_have_a_reason(tmp_path: Path) -> None:
    nodes = [
        node("Gemm", "m k c", "a"),
        node("Conv", "x w", "b", kernel_shape=[2, 2]),
        node("Conv", "x w c", "d"),
        node("LayerNormalization", "x gamma", "f", axis=1),
        node("Relu", "x", "g"),
    ]
    constants = {"k": (5, 6), "c": (5,), "w": (6, 6, 3, 3), "gamma": (4,)}
    made = model(nodes, {"m": (4, 5), "x": (1, 6, 4, 4)}, "a b d f g", constants)
    told = {one["node"]: one["reason"] for one in network(saved(made, tmp_path)).facts["left_out"]}
    assert told == {
        "a": "'c' of (5,) beside (4, 6)",
        "b": "a kernel_shape of (2, 2) for weights of (6, 6, 3, 3)",
        "d": "a bias of (5,) for 6 channels",
        "f": "'gamma' of (4,) for rows of (6, 4, 4)",
    }


def test_a_value_that_leaves_in_between_ends_the_problem(tmp_path: Path) -> None:
    nodes = [
        node("Conv", "x w", "a"),
        node("Relu", "a", "b"),
        node("Conv", "b w", "c"),
        node("Add", "b c", "d"),
        node("Relu", "d", "e"),
        node("Relu", "a", "z"),
    ]
    found = network(saved(model(nodes, {"x": (1, 4, 6, 6)}, "e z", {"w": (4, 4, 1, 1)}), tmp_path))
    assert [(e["primitive"], e["nodes"]) for e in found.entries] == [
        ("conv2d", ["a"]),
        ("relu_of_4d", ["b", "z"]),
        ("conv2d_residual_relu", ["c d e"]),
    ]


def test_a_file_without_a_problem_is_refused(tmp_path: Path) -> None:
    path = saved(model([node("Sign", "x", "y")], {"x": (2,)}, "y"), tmp_path)
    with pytest.raises(SettingsError, match=r"none of its 1 nodes is a problem: Sign: no primit"):
        network(path)


def test_names_are_identifiers(tmp_path: Path) -> None:
    made = model([node("Relu", "x", "y")], {"x": (2,)}, "y")
    for name, stem in (("Net v1.5 (small).onnx", "Net_v1_5_small_00"), ("50.onnx", "model_50_00")):
        (entry,) = network(saved(made, tmp_path, name)).entries
        assert entry["name"] == stem
