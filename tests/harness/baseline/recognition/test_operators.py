"""Pooling, element-wise chains, softmax and layer normalisation, however they are written."""

from __future__ import annotations

from typing import Any

import pytest

from compiler.problem.primitive import Primitive
from compiler.problem.specification import primitive_from
from harness.baseline.recognition.elementwise import Elementwise
from harness.baseline.recognition.operators import recognise_operator, steps_of
from harness.baseline.recognition.pooling import Pooling
from harness.baseline.recognition.post_ops import Binary, Eltwise
from harness.baseline.recognition.rows import LayerNorm, Softmax
from harness.baseline.recognition.views import Unrecognised
from harness.baseline.recognition.with_post_ops import WithPostOps
from tests.compiler.problem.operators import conv2d, shipped

KINDS: dict[str, type] = {
    "avg_pool2d": Pooling,
    "avg_pool2d_exclude_padding": Pooling,
    "attention_scores": WithPostOps,
    "batch_norm": Elementwise,
    "bias_gelu": Elementwise,
    "binary_add": Elementwise,
    "binary_mul_channel": Elementwise,
    "conv2d_bias_relu": WithPostOps,
    "eltwise_swish": Elementwise,
    "global_avg_pool2d": Pooling,
    "layernorm": LayerNorm,
    "max_pool2d": Pooling,
    "residual_relu": Elementwise,
    "softmax": Softmax,
}


@pytest.mark.parametrize("name", KINDS)
def test_what_a_shipped_primitive_is(name: str) -> None:
    assert type(recognise_operator(primitive_from(shipped(name)))) is KINDS[name]


def pooled(name: str, *behind: str, **sizes: int) -> Pooling:
    spec = shipped(name, c=5, ih=9, iw=7, **sizes)
    found = recognise_operator(
        primitive_from(spec | {"statements": [*spec["statements"], *behind]})
    )
    assert isinstance(found, Pooling)
    return found


def test_windows_of_a_pooling() -> None:
    found = pooled("max_pool2d", n=2, kh=3, kw=2, stride_w=1, pad_h_end=2, dilation_w=2)
    assert (found.data.dims, found.out.dims) == ((2, 5, 9, 7), (2, 5, 5, 7))
    assert (found.kernel, found.stride, found.dilation) == ((3, 2), (2, 1), (1, 2))
    assert (found.before, found.after) == ((1, 1), (1, 1))
    assert (found.algorithm, found.steps) == ("max", ())


def test_averages_with_and_without_their_padding() -> None:
    assert pooled("avg_pool2d").algorithm == "avg_include_padding"
    without = pooled("avg_pool2d_exclude_padding")
    assert without.algorithm == "avg_exclude_padding"
    assert without.counting == ("inside_h", "inside_w")
    for found in (pooled("avg_pool2d"), without):
        assert found.steps == () and found.kernel == (3, 3)


def test_steps_behind_an_average() -> None:
    found = pooled("avg_pool2d", "out[n,c,oh,ow] = max(out[n,c,oh,ow] + 1, 0)")
    assert found.steps == (Eltwise("linear", 1.0, 1.0), Eltwise("relu"))


def test_a_whole_image_is_one_window() -> None:
    found = recognise_operator(primitive_from(shipped("global_avg_pool2d", n=2, c=5, ih=3, iw=4)))
    assert isinstance(found, Pooling)
    assert (found.data.dims, found.out.dims) == ((2, 5, 3, 4), (2, 5, 1, 1))
    assert (found.kernel, found.stride) == ((3, 4), (1, 1))


def rows(*statements: str, **changes: Any) -> Primitive:
    """Rows x[m,n] to y[m,n], with tensors of one number a row and of one a column."""
    written = {line.split("[")[0] for line in statements}
    used = {name for name in "xystuvg" if any(f"{name}[" in line for line in statements)}
    shapes = {name: ["m"] for name in "stuv"} | {name: ["m", "n"] for name in "xy"} | {"g": ["n"]}
    return primitive_from(
        {
            "name": "rows",
            "sizes": {"m": 4, "n": 6},
            "tensors": {name: shapes[name] for name in "xystuvg" if name in used},
            "temporary": sorted(written - {"y"}),
            "statements": list(statements),
            **changes,
        }
    )


LARGEST = "s[m] = max(s[m], x[m,n])"
MEAN = ("s[m] += x[m,n]", "t[m] += (x[m,n] - s[m]/6)*(x[m,n] - s[m]/6)")
SOFTMAX = {
    "by a division": rows(
        LARGEST, "y[m,n] = exp(x[m,n] - s[m])", "t[m] += y[m,n]", "y[m,n] = y[m,n]/t[m]"
    ),
    "computed twice": rows(
        LARGEST, "t[m] += exp(x[m,n] - s[m])", "y[m,n] = exp(-(s[m] - x[m,n]))/t[m]"
    ),
    "in loops of other names": rows(
        LARGEST,
        "t[i] += exp(x[i,j] - s[i])",
        "y[m,n] = exp(x[m,n] - s[m])*(1/t[m])",
        extents={"i": "m", "j": "n"},
    ),
}
LAYERNORM = {
    "no scale and no shift": (
        rows(*MEAN, "y[m,n] = (x[m,n] - s[m]/6)/sqrt(t[m]/6 + 0.001)"),
        (False, False),
    ),
    "a scale": (
        rows(*MEAN, "y[m,n] = g[n]*(x[m,n] - s[m]/6)/sqrt(t[m]/6 + 0.001)"),
        (True, False),
    ),
    "a shift, no mean of its own": (
        rows(*MEAN, "y[m,n] = g[n] + (x[m,n] - s[m]*(1/6))*(1/sqrt(t[m]*(1/6) + 0.001))"),
        (False, True),
    ),
}


@pytest.mark.parametrize("name", SOFTMAX)
def test_softmax(name: str) -> None:
    found = recognise_operator(SOFTMAX[name])
    assert isinstance(found, Softmax)
    assert (found.source.tensor, found.out.tensor, found.out.dims) == ("x", "y", (4, 6))


@pytest.mark.parametrize("name", LAYERNORM)
def test_layer_normalisation(name: str) -> None:
    primitive, has = LAYERNORM[name]
    found = recognise_operator(primitive)
    assert isinstance(found, LayerNorm)
    assert found.epsilon == pytest.approx(0.001)
    assert (found.scale is not None, found.shift is not None) == has


def test_along_the_first_dimension() -> None:
    """The last one of the views, wherever it is in the tensors."""
    found = recognise_operator(
        rows(
            "g[n] = max(g[n], x[m,n])",
            "y[m,n] = exp(x[m,n] - g[n])",
            "v[n] += y[m,n]",
            "y[m,n] = y[m,n]/v[n]",
            tensors={"x": ["m", "n"], "y": ["m", "n"], "g": ["n"], "v": ["n"]},
        )
    )
    assert isinstance(found, Softmax)
    assert (found.out.dims, found.out.plain) == ((6, 4), (1, 6))


def test_an_element_wise_chain_begins_with_what_can_begin_it() -> None:
    found = recognise_operator(rows("y[m,n] = g[n]/2 - x[m,n]/2"))
    assert isinstance(found, Elementwise)
    assert found.source.tensor == "x"
    assert [type(step) for step in steps_of(found)] == [Binary, Eltwise]


POOL = shipped("avg_pool2d")
REFUSED: list[tuple[Primitive, str]] = [
    (rows("y[m,n] = x[m,n]"), "a copy of x"),
    (rows("y[m,n] = g[n]"), "no tensor is as large as y[m, n]"),
    (rows("y[m,n] = erf(x[m,n])"), "no known step computes erf(product)"),
    (
        rows("s[m] += exp(x[m,n])", "y[m,n] = exp(x[m,n])/s[m]"),
        "no maximum and no sum of a tensor's elements",
    ),
    (
        rows(LARGEST, "t[m] += x[m,n] - s[m]", "y[m,n] = (x[m,n] - s[m])/t[m]"),
        "what follows a maximum is no sum of exponentials",
    ),
    (
        rows(LARGEST, "t[m] += exp(x[m,n] - s[m])", "y[m,n] = exp(x[m,n] - s[m])*t[m]"),
        "no softmax: the output is no exponential by the sum of them",
    ),
    (
        rows(*MEAN, "y[m,n] = (x[m,n] - s[m])/sqrt(t[m]/6 + 0.001)"),
        "no layer normalisation: the output is no multiple of the distance",
    ),
    (
        primitive_from(POOL | {"statements": POOL["statements"][:1]}),
        "a sum over windows; what is known are maxima and averages",
    ),
    (primitive_from(shipped("max_pool2d", pad_h=3)), "a window lies in the padding alone"),
    (
        primitive_from(shipped("max_pool2d") | {"outside": {"data": 0}}),
        "data is 0.0 outside, only -inf is taken",
    ),
    (
        primitive_from(
            shipped("avg_pool2d_exclude_padding")
            | {"values": {"inside_h": 1, "inside_w": 2}, "temporary": ["rows", "columns"]}
        ),
        "2 reductions, a pooling has one",
    ),
    (primitive_from(conv2d() | {"outside": {"data": 2}}), "data is 2.0 outside, only 0 is taken"),
]


@pytest.mark.parametrize(("primitive", "why"), REFUSED, ids=[why for _, why in REFUSED])
def test_refusals_name_what_is_in_the_way(primitive: Primitive, why: str) -> None:
    with pytest.raises(Unrecognised) as caught:
        recognise_operator(primitive)
    assert str(caught.value) == why
