"""What the shipped primitives compute, against formulas of numpy's own."""

from __future__ import annotations

from collections.abc import Callable
from math import erf
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from compiler.problem.inputs import random_inputs
from compiler.problem.reference import reference
from compiler.problem.specification import primitive_from
from tests.compiler.problem.operators import CONF, shipped

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
    "upsample2d": lambda data: data.repeat(2, axis=2).repeat(2, axis=3),
}
SMALL = {"m": 5, "n": 7, "c": 3, "h": 2, "w": 4, "ih": 2, "iw": 4}


@pytest.mark.parametrize("name", FORMULAS)
def test_formula(name: str) -> None:
    sizes = shipped(name)["sizes"]
    primitive = primitive_from(shipped(name, **{k: SMALL[k] for k in sizes if k in SMALL}))
    inputs = {name: 3 * values for name, values in random_inputs(primitive, 0).items()}
    (found,) = reference(primitive, inputs).values()
    wide = {name: values.astype(np.float64) for name, values in inputs.items()}
    np.testing.assert_allclose(found, FORMULAS[name](*wide.values()), rtol=1e-9, atol=1e-12)


def _windows(data: Any, kernel: tuple[int, ...], stride: int = 1) -> Any:
    """Padding of 1 around all that a window slides over; the window's dimensions come last."""
    places = data.ndim - len(kernel)
    padded = np.pad(data, [(0, 0)] * places + [(1, 1)] * len(kernel))
    found = sliding_window_view(padded, kernel, tuple(range(places, data.ndim)))
    steps = [1] * places + [stride] * len(kernel)
    return found[tuple(slice(None, None, step) for step in steps)]


def _conv(data: Any, weight: Any, stride: int = 1) -> Any:
    """Of a weight without window, too."""
    if weight.ndim == 2:
        return np.einsum("nihw,oi->nohw", data, weight)
    x, k = "xyz"[: weight.ndim - 2], "uvw"[: weight.ndim - 2]
    windows = _windows(data, weight.shape[2:], stride)
    return np.einsum(f"ni{x}{k},oi{k}->no{x}", windows, weight)


def _deconv(data: Any, weight: Any, stride: tuple[int, int] = (2, 2), step: int = 1) -> Any:
    """All that windows of rows `step` apart write, before it is cropped."""
    (n, _, ih, iw), (_, oc, kh, kw) = data.shape, weight.shape
    found = np.zeros((n, oc, (ih - 1) * stride[0] + step * (kh - 1) + 1, (iw - 1) * stride[1] + kw))
    for h, w, i, j in np.ndindex(ih, iw, kh, kw):
        parts = np.einsum("ni,io->no", data[:, :, h, w], weight[:, :, i, j])
        found[:, :, stride[0] * h + step * i, stride[1] * w + j] += parts
    return found


def _grouped(data: Any, weight: Any) -> Any:
    return np.stack([_conv(data[:, g], part) for g, part in enumerate(weight)], axis=1)


def _grouped_deconv(data: Any, weight: Any) -> Any:
    parts = [_deconv(data[:, g], part) for g, part in enumerate(weight)]
    return np.stack(parts, axis=1)[..., 1:-1, 1:-1]


def _depthwise(data: Any, weight: Any, stride: int = 1) -> Any:
    return np.concatenate(
        [_conv(data[:, c : c + 1], part[None, None], stride) for c, part in enumerate(weight)], 1
    )


def _over(channels: Any) -> Any:
    return channels[:, None, None]


def _relu(x: Any) -> Any:
    return np.maximum(x, 0)


def _expanded(data: Any, *rest: Any, stride: int = 1) -> Any:
    expand, expand_bias, taps, taps_bias, project, project_bias = rest
    inner = np.clip(_conv(data, expand) + _over(expand_bias), 0, 6)
    inner = np.clip(_depthwise(inner, taps, stride) + _over(taps_bias), 0, 6)
    return _conv(inner, project) + _over(project_bias)


def _pooled(data: Any, weight: Any, bias: Any) -> Any:
    x = _relu(_conv(data, weight) + _over(bias))
    pairs = x[:, :, : x.shape[2] // 2 * 2, : x.shape[3] // 2 * 2]
    return pairs.reshape(*x.shape[:2], x.shape[2] // 2, 2, x.shape[3] // 2, 2).max(axis=(3, 5))


def _squeeze_excite(data: Any, squeeze: Any, s_bias: Any, excite: Any, e_bias: Any) -> Any:
    hidden = _relu(data.mean(axis=(2, 3)) @ squeeze.T + s_bias)
    return data * ((1 + np.tanh((hidden @ excite.T + e_bias) / 2)) / 2)[:, :, None, None]


def _attention(queries: Any, keys: Any, values: Any) -> Any:
    scores = queries @ keys.transpose(0, 2, 1) / np.sqrt(queries.shape[-1])
    return np.stack([_softmax(head) for head in scores]) @ values


IMAGE = {"ic": 3, "oc": 4, "g": 2, "c": 3, "id": 3, "ih": 5, "iw": 4}
OTHERS = {"m": 5, "n": 2, "k": 3, "v": 4, "h": 3, "w": 4, "r": 2, "heads": 2, "batch": 2}
PRODUCTS: dict[str, Callable[..., Any]] = {
    "depthwise_deconv2d": lambda data, weight: _grouped_deconv(
        data[:, :, None], weight[:, None, None]
    )[:, :, 0],
    "grouped_deconv2d": _grouped_deconv,
    "deconv2d": lambda data, weight: _deconv(data, weight)[:, :, 1:-1, 1:-1],
    "attention": _attention,
    "attention_scores": lambda queries, keys: queries @ keys.transpose(0, 2, 1),
    "batched_matmul": np.matmul,
    "conv2d_bias_relu": lambda x, w, bias: _relu(_conv(x, w) + _over(bias)),
    "conv2d_bn_relu": lambda x, w, s, t: _relu(_conv(x, w) * _over(s) + _over(t)),
    "conv2d_relu_max_pool2d": _pooled,
    "conv2d_residual_relu": lambda x, w, bias, y: _relu(_conv(x, w) + _over(bias) + y),
    "depthwise_pointwise": lambda x, w, s, v, t: _relu(
        _conv(_relu(_depthwise(x, w) + _over(s)), v) + _over(t)
    ),
    "inverted_bottleneck": lambda *x: _expanded(*x, stride=2),
    "inverted_residual": lambda data, *rest: _expanded(data, *rest) + data,
    "matmul": np.matmul,
    "layernorm_matmul": lambda x, gamma, beta, w, b: _layernorm(x, gamma, beta) @ w + b,
    "matmul_bias_gelu": lambda a, b, bias: _gelu(a @ b + bias),
    "matmul_layernorm": lambda x, w, b, y, gamma, beta: _layernorm(x @ w + b + y, gamma, beta),
    "matmul_softmax": lambda x, w, b: _softmax(x @ w + b),
    "mlp": lambda x, w, b, v, c: _gelu(x @ w + b) @ v + c,
    "pointwise_depthwise": lambda x, v, t, w, s: _relu(
        _depthwise(_relu(_conv(x, v) + _over(t)), w) + _over(s)
    ),
    "softmax_matmul": lambda x, values: np.stack([_softmax(head) for head in x]) @ values,
    "squeeze_excite": _squeeze_excite,
    **{f"conv{d}d": _conv for d in (1, 2, 3)},
    **{f"grouped_conv{d}d": _grouped for d in (1, 2, 3)},
    **{f"depthwise_conv{d}d": _depthwise for d in (1, 2, 3)},
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_products_and_what_follows_them(name: str) -> None:
    stated = shipped(name)["sizes"]
    small = IMAGE | {"n": 2} if "ih" in stated else OTHERS
    primitive = primitive_from(shipped(name, **{k: small[k] for k in stated if k in small}))
    inputs = {name: 3 * values for name, values in random_inputs(primitive, 0).items()}
    (found,) = reference(primitive, inputs).values()
    wide = {name: values.astype(np.float64) for name, values in inputs.items()}
    np.testing.assert_allclose(found, PRODUCTS[name](*wide.values()), rtol=1e-9, atol=1e-9)


def test_every_primitive_has_a_formula() -> None:
    assert {path.stem for path in CONF.glob("*.yaml")} == {*POOLS, *FORMULAS, *PRODUCTS}


def test_transposed_convolution_of_uneven_windows() -> None:
    """Rows two apart, cropped by one before and two behind; a column more than windows reach."""
    sizes = {"n": 2, "ic": 3, "oc": 2, "ih": 4, "iw": 3, "kh": 3, "kw": 2, "stride_h": 2}
    sizes |= {"stride_w": 3, "pad_h": 1, "pad_w": 0, "pad_h_end": 2, "dilation_h": 2, "more_w": 1}
    primitive = primitive_from(shipped("deconv2d", **sizes))
    inputs = random_inputs(primitive, 0)
    data, weight = (inputs[name].astype(np.float64) for name in ("data", "weight"))
    whole = _deconv(data, weight, (2, 3), step=2)
    expected = np.pad(whole[:, :, 1:-2], [(0, 0)] * 3 + [(0, 1)])
    np.testing.assert_allclose(reference(primitive, inputs)["out"], expected, rtol=1e-9, atol=1e-9)
