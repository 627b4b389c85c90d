"""What is written of a group computes what the network computes, by ONNX's own reference."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import ModelProto

from tests.harness.onnx.computed import EPSILON, check_computed
from tests.harness.onnx.models import model, node

BATCH_NORM = {"s": (6,), "b": (6,), "mean": (6,), "var": (6,)}
GELU = [
    node("Div", "h root", "d"),
    node("Erf", "d", "e"),
    node("Add", "e one", "f"),
    node("Mul", "h f", "g"),
    node("Mul", "g half", "y"),
]
NUMBERS = {"root": np.float32(2**0.5), "one": np.float32(1), "half": np.float32(0.5)}
LAYER_NORM = [
    node("ReduceMean", "x", "m", axes=[-1]),
    node("Sub", "x m", "c"),
    node("Pow", "c two", "q"),
    node("ReduceMean", "q", "v", axes=[-1]),
    node("Add", "v epsilon", "r"),
    node("Sqrt", "r", "t"),
    node("Div", "c t", "u"),
    node("Mul", "u gamma", "w"),
    node("Add", "w beta", "y"),
]

# The network, the primitive's name, and its tensors by the network's.
CASES: dict[str, tuple[ModelProto, str, dict[str, str]]] = {
    "convolution with all that follows": (
        model(
            [
                node("Conv", "x k kb", "h", pads=[1, 1, 1, 1], strides=[2, 2]),
                node("BatchNormalization", "h s b mean var", "i", epsilon=EPSILON),
                node("Add", "skip i", "j"),
                node("Relu", "j", "y"),
            ],
            {"x": (2, 3, 7, 9), "skip": (2, 6, 4, 5)},
            "y",
            {"k": (6, 3, 3, 3), "kb": (6,), **BATCH_NORM},
        ),
        "conv2d_bias_bn_residual_relu",
        {"data": "x", "weight": "k", "bias": "kb", "residual": "skip"},
    ),
    "groups": (
        model(
            [node("Conv", "x k kb", "h", group=2), node("Clip", "h low high", "y")],
            {"x": (2, 4, 6, 6)},
            "y",
            {"k": (6, 2, 3, 2), "kb": (6,), "low": np.float32(0), "high": np.float32(6)},
        ),
        "grouped_conv2d_bias_clip",
        {"data": "x", "weight": "k", "bias": "kb"},
    ),
    "depthwise, uneven padding": (
        model(
            [
                node("Conv", "x k", "h", group=4, auto_pad="SAME_UPPER", strides=[2, 2]),
                node("Sigmoid", "h", "g"),
                node("Mul", "g h", "y"),
            ],
            {"x": (1, 4, 8, 7)},
            "y",
            {"k": (4, 1, 3, 3)},
        ),
        "depthwise_conv2d_sigmoid_mul",
        {"data": "x", "weight": "k"},
    ),
    "one dimension, dilated": (
        model(
            [node("Conv", "x k", "h", dilations=[2], pads=[2, 1]), node("LeakyRelu", "h", "y")],
            {"x": (2, 3, 11)},
            "y",
            {"k": (4, 3, 3)},
        ),
        "conv1d_leakyrelu",
        {"data": "x", "weight": "k"},
    ),
    "padding on one side": (
        model(
            [node("Conv", "x k", "h", pads=[0, 2, 1, 0], strides=[2, 1])],
            {"x": (1, 3, 8, 7)},
            "h",
            {"k": (4, 3, 3, 2)},
        ),
        "conv2d",
        {"data": "x", "weight": "k"},
    ),
    "two normalisations of one name": (
        model(
            [
                node("Conv", "x k", "h"),
                node("BatchNormalization", "h s b mean var", "i", epsilon=EPSILON, name="bn"),
                node("BatchNormalization", "i s2 b2 mean2 var2", "y", epsilon=EPSILON, name="bn"),
            ],
            {"x": (1, 3, 4, 4)},
            "y",
            {"k": (6, 3, 1, 1), **BATCH_NORM, **{f"{name}2": (6,) for name in BATCH_NORM}},
        ),
        "conv2d_bn_bn",
        {"data": "x", "weight": "k"},
    ),
    "product with bias and GELU in pieces": (
        model(
            [node("MatMul", "x k", "p"), node("Add", "kb p", "h"), *GELU],
            {"x": (2, 5, 4)},
            "y",
            {"k": (4, 6), "kb": (6,), **NUMBERS},
        ),
        "matmul_bias_div_erf_add_mul_mul",
        {"a": "x", "b": "k", "bias": "kb"},
    ),
    "Gemm of transposed matrices": (
        model(
            [node("Gemm", "x k kb", "y", transA=1, transB=1, alpha=0.5)],
            {"x": (4, 5)},
            "y",
            {"k": (6, 4), "kb": (6,)},
        ),
        "matmul_at_bt_scaled_bias",
        {"a": "x", "b": "k", "bias": "kb"},
    ),
    "Gemm with an addend for every row": (
        model(
            [node("Gemm", "x k column", "y", beta=0.5)],
            {"x": (4, 5), "column": (4, 1)},
            "y",
            {"k": (5, 6)},
        ),
        "matmul_residual",
        {"a": "x", "b": "k", "residual": "column"},
    ),
    "scores with a mask": (
        model(
            [
                node("MatMul", "x z", "p"),
                node("Mul", "p scale", "q"),
                node("Add", "q mask", "y"),
            ],
            {"x": (1, 3, 5, 4), "z": (1, 3, 4, 6), "mask": (1, 1, 1, 6)},
            "y",
            {"scale": np.float32(0.125)},
        ),
        "batched_matmul_mul_residual",
        {"a": "x", "b": "z", "residual": "mask"},
    ),
    "largest pool": (
        model(
            [node("MaxPool", "x", "h", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)],
            {"x": (1, 3, 8, 8)},
            "h",
        ),
        "max_pool2d",
        {"data": "x"},
    ),
    "average of what is inside": (
        model(
            [node("AveragePool", "x", "y", kernel_shape=[3], pads=[1, 1])], {"x": (2, 3, 8)}, "y"
        ),
        "avg_pool2d_exclude_padding",
        {"data": "x"},
    ),
    "average with padding": (
        model(
            [
                node(
                    *("AveragePool", "x", "y"),
                    kernel_shape=[2, 3],
                    pads=[0, 1, 0, 1],
                    count_include_pad=1,
                )
            ],
            {"x": (2, 3, 6, 6)},
            "y",
        ),
        "avg_pool2d",
        {"data": "x"},
    ),
    "average with padding that auto_pad adds": (
        model(
            [
                node(
                    *("AveragePool", "x", "y"),
                    kernel_shape=[3, 3],
                    strides=[2, 2],
                    auto_pad="SAME_LOWER",
                    count_include_pad=1,
                )
            ],
            {"x": (1, 2, 6, 7)},
            "y",
        ),
        "avg_pool2d",
        {"data": "x"},
    ),
    "average of points apart": (
        model(
            [
                node(
                    "AveragePool",
                    "x",
                    "y",
                    kernel_shape=[2, 2],
                    dilations=[2, 3],
                    pads=[1, 1, 1, 1],
                )
            ],
            {"x": (1, 2, 6, 7)},
            "y",
            opset=19,
        ),
        "avg_pool2d_exclude_padding",
        {"data": "x"},
    ),
    "global average with a bound": (
        model(
            [node("GlobalAveragePool", "x", "h"), node("Relu", "h", "y")], {"x": (2, 3, 4, 5)}, "y"
        ),
        "global_avg_pool2d_relu",
        {"data": "x"},
    ),
    "global maximum": (
        model([node("GlobalMaxPool", "x", "y")], {"x": (2, 3, 4, 5)}, "y"),
        "max_pool2d",
        {"data": "x"},
    ),
    "mean over the last axes": (
        model([node("ReduceMean", "x", "y", axes=[2, 3], keepdims=0)], {"x": (2, 3, 4, 5)}, "y"),
        "global_avg_pool2d",
        {"data": "x"},
    ),
    "softmax of the last": (
        model([node("Softmax", "x", "y", axis=2)], {"x": (2, 3, 4)}, "y"),
        "softmax",
        {"x": "x"},
    ),
    "layer normalisation": (
        model(
            [node("LayerNormalization", "x gamma beta", "y", epsilon=1e-3)],
            {"x": (2, 3, 8)},
            "y",
            {"gamma": (8,), "beta": (8,)},
        ),
        "layernorm_epsilon_0p001",
        {"x": "x", "gamma": "gamma", "beta": "beta"},
    ),
    "layer normalisation by a scale that is no weight": (
        model([node("LayerNormalization", "x gamma", "y")], {"x": (2, 3, 8), "gamma": (8,)}, "y"),
        "layernorm_unshifted_variable",
        {"x": "x", "gamma": "gamma"},
    ),
    "layer normalisation in nine nodes": (
        model(
            LAYER_NORM,
            {"x": (2, 3, 8)},
            "y",
            {
                "gamma": (8,),
                "beta": (8,),
                "two": np.float32(2),
                "epsilon": np.float32(1e-5),
            },
        ),
        "layernorm",
        {"x": "x", "gamma": "gamma", "beta": "beta"},
    ),
    "a chain of its own": (
        model(
            [
                node("Add", "x z", "h"),
                node("Mul", "h gate", "i"),
                node("Sub", "h i", "j"),
                node("Tanh", "j", "y"),
            ],
            {"x": (2, 3, 4, 5), "z": (3, 1, 1), "gate": (2, 3, 1, 1)},
            "y",
        ),
        "add_mul_sub_tanh_of_4d",
        {"x": "x", "residual": "z", "gate": "gate"},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_group_computes_what_its_nodes_do(case: str, tmp_path: Path) -> None:
    check_computed(*CASES[case], tmp_path)
