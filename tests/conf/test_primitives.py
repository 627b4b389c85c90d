"""What the shipped primitives compute, against formulas of numpy's own."""

from __future__ import annotations

from collections.abc import Callable
from math import erf
from typing import Any

import numpy as np
import pytest

from compiler.problem.inputs import random_inputs
from compiler.problem.reference import reference
from compiler.problem.specification import primitive_from
from tests.compiler.problem.operators import shipped

POOL = {"n": 2, "c": 3, "ih": 9, "iw": 7, "kh": 3, "kw": 2, "stride_h": 2, "stride_w": 1}
POOLS: dict[str, tuple[float, Callable[[Any], float]]] = {  # what padding is, and of a window
    "max_pool2d": (-np.inf, np.max),
    "avg_pool2d": (0.0, np.mean),
    "avg_pool2d_exclude_padding": (np.nan, np.nanmean),
}


@pytest.mark.parametrize("name", POOLS)
def test_pooling(name: str) -> None:
    """Padding of 1 around rows and columns, but 2 behind the rows, so that one window more fits."""
    primitive = primitive_from(shipped(name, **POOL, pad_h_end=2))
    inputs = random_inputs(primitive, 0)
    around, taken = POOLS[name]
    data = inputs["data"].astype(np.float64)
    padded = np.pad(data, [(0, 0), (0, 0), (1, 2), (1, 1)], constant_values=around)
    found = reference(primitive, inputs)["out"]
    assert found.shape == (2, 3, 5, 8)
    for n, c, oh, ow in np.ndindex(found.shape):
        window = padded[n, c, 2 * oh : 2 * oh + 3, ow : ow + 2]
        assert found[n, c, oh, ow] == pytest.approx(taken(window), rel=1e-12)


def _softmax(x: Any) -> Any:
    powers = np.exp(x)
    return powers / powers.sum(axis=1, keepdims=True)


def _layernorm(x: Any, gamma: Any, beta: Any) -> Any:
    mean, variance = x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)
    return (x - mean) / np.sqrt(variance + 1e-5) * gamma + beta


def _gelu(x: Any) -> Any:
    return x * np.vectorize(lambda v: 0.5 * (1 + erf(v / 2**0.5)))(x)


def _gelu_tanh(x: Any) -> Any:
    return x / (1 + np.exp(-2 * np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


FORMULAS: dict[str, Callable[..., Any]] = {
    "batch_norm": lambda x, scale, shift: x * scale[:, None, None] + shift[:, None, None],
    "bias_gelu": lambda x, bias: _gelu(x + bias),
    "binary_add": np.add,
    "binary_add_channel": lambda x, y: x + y[:, None, None],
    "binary_mul": np.multiply,
    "binary_mul_channel": lambda x, y: x * y[:, :, None, None],
    "eltwise_exp": np.exp,
    "eltwise_gelu": _gelu,
    "eltwise_gelu_tanh": _gelu_tanh,
    "eltwise_hardswish": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "eltwise_relu": lambda x: np.where(x > 0, x, 0),
    "eltwise_sigmoid": lambda x: (1 + np.tanh(x / 2)) / 2,
    "eltwise_swish": lambda x: x * (1 + np.tanh(x / 2)) / 2,
    "eltwise_tanh": np.tanh,
    "global_avg_pool2d": lambda data: data.mean(axis=(2, 3)),
    "layernorm": _layernorm,
    "residual_relu": lambda x, y: np.maximum(x + y, 0),
    "softmax": _softmax,
}
SMALL = {"m": 5, "n": 7, "c": 3, "h": 2, "w": 4, "ih": 2, "iw": 4}


@pytest.mark.parametrize("name", FORMULAS)
def test_formula(name: str) -> None:
    sizes = shipped(name)["sizes"]
    primitive = primitive_from(shipped(name, **{k: SMALL[k] for k in sizes}))
    inputs = {name: 3 * values for name, values in random_inputs(primitive, 0).items()}
    (found,) = reference(primitive, inputs).values()
    wide = {name: values.astype(np.float64) for name, values in inputs.items()}
    np.testing.assert_allclose(found, FORMULAS[name](*wide.values()), rtol=1e-9, atol=1e-12)
