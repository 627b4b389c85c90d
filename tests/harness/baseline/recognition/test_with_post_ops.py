"""Statements around a product: the post-ops that they are, and what is refused by name."""

from __future__ import annotations

import re

import pytest

from harness.baseline.recognition.post_ops import Binary, Eltwise, PostOp
from harness.baseline.recognition.products import Convolution, MatrixProduct
from harness.baseline.recognition.views import Unrecognised
from harness.baseline.recognition.with_post_ops import WithPostOps, recognise_with_post_ops
from tests.harness.baseline.specs import conv2d, grouped, matmul, primitive

PRODUCT = "c[m,n] += a[m,k] * b[k,n]"
SHAPES = {
    "bias": ["n"],
    "scale": ["n"],
    "rows": ["m"],
    "r": ["m", "n"],
    "d": ["m", "n"],
    "t": ["n", "m"],
}


def recognised(*statements: str, **changes: object) -> WithPostOps:
    """A matrix product of c and what follows it; c is hidden where something else is written."""
    text = " ".join(statements)
    more = {name: shape for name, shape in SHAPES.items() if re.search(rf"\b{name}\[", text)}
    spec = matmul(m=4, n=4) | {"statements": list(statements)}
    spec["tensors"] = {**spec["tensors"], **more}
    spec["extents"] = {"i": "m", "j": "n"}
    if "d" in more or "t" in more:
        spec["temporary"] = ["c"]
    return recognise_with_post_ops(primitive(spec, **changes))


def told(step: PostOp) -> tuple[object, ...]:
    if isinstance(step, Binary):
        return step.function, step.operand.tensor
    parameters = (step.alpha, step.beta)
    return (step.function, *parameters) if any(parameters) else (step.function,)


def post_ops(*statements: str) -> list[tuple[object, ...]]:
    return [told(step) for step in recognised(*statements).post_ops]


@pytest.mark.parametrize(
    ("statement", "steps"),
    [
        ("c[m,n] = max(c[m,n] + bias[n], 0)", [("add", "bias"), ("relu",)]),
        ("c[m,n] = max(0, bias[n] + c[m,n])", [("add", "bias"), ("relu",)]),
        ("c[m,n] = max(c[m,n], 0)", [("relu",)]),
        ("c[m,n] += bias[n]", [("add", "bias")]),
        ("c[m,n] = c[m,n]*scale[n] + bias[n]", [("mul", "scale"), ("add", "bias")]),
        ("c[m,n] = r[m,n] + bias[n] + c[m,n]", [("add", "bias"), ("add", "r")]),
        ("c[m,n] = c[m,n] - r[m,n]", [("sub", "r")]),
        ("c[m,n] = r[m,n] - c[m,n]", [("sub", "r"), ("linear", -1, 0)]),
        ("c[m,n] = r[m,n] + 2*c[m,n]", [("linear", 2, 0), ("add", "r")]),
        ("c[m,n] = c[m,n]/scale[n]", [("div", "scale")]),
        ("c[m,n] = (2*c[m,n] + 1)*3 - 1", [("linear", 6, 2)]),
        ("c[m,n] = -c[m,n]/4", [("linear", -0.25, 0)]),
        ("c[m,n] = min(max(c[m,n], -1), 6)", [("clip", -1, 6)]),
        ("c[m,n] = max(min(6, c[m,n]), 0)", [("clip", 0, 6)]),
        ("c[m,n] = min(c[m,n], r[m,n])", [("min", "r")]),
        ("c[m,n] = max(c[m,n] + 1, 0.1*(c[m,n] + 1))", [("linear", 1, 1), ("relu", 0.1, 0)]),
        ("c[m,n] = tanh(exp(-abs(c[m,n])))", [("abs",), ("linear", -1, 0), ("exp",), ("tanh",)]),
        ("c[m,n] = 1/(1 + exp(-c[m,n]))", [("logistic",)]),
        ("c[m,n] = 1/(exp(-bias[n] - c[m,n]) + 1)", [("add", "bias"), ("logistic",)]),
        ("c[m,n] = c[m,n]/(1 + exp(-c[m,n]))", [("swish",)]),
        (
            "c[m,n] = 3*c[m,n]/(1 + exp(-2*c[m,n]))",
            [("linear", 2, 0), ("swish",), ("linear", 1.5, 0)],
        ),
        ("c[m,n] = 0.5*c[m,n]*(1 + erf(c[m,n]/sqrt(2)))", [("gelu_erf",)]),
        ("c[m,n] = (0.5 + 0.5*erf(0.70710678*c[m,n]))*c[m,n]", [("gelu_erf",)]),
        (
            "c[m,n] = 0.5*(c[m,n]+bias[n])*(1 + erf((c[m,n]+bias[n])/sqrt(2)))",
            [("add", "bias"), ("gelu_erf",)],
        ),
        (
            "c[m,n] = 0.5*scale[n]*c[m,n]*(1 + erf(scale[n]*c[m,n]/sqrt(2)))",
            [("mul", "scale"), ("gelu_erf",)],
        ),
        (
            "c[m,n] = 0.5*scale[n]*c[m,n]*(1 + erf(c[m,n]/sqrt(2)))",
            [("gelu_erf",), ("mul", "scale")],
        ),
        (
            "c[m,n] = 0.5*c[m,n]*(1 + tanh(0.79788456*(c[m,n] + 0.044715*c[m,n]*c[m,n]*c[m,n])))",
            [("gelu_tanh",)],
        ),
        ("c[m,n] = c[m,n]*min(max(c[m,n] + 3, 0), 6)/6", [("hardswish",)]),
        ("c[m,n] = c[m,n]*c[m,n]", [("square",)]),
    ],
)
def test_steps_after_a_product(statement: str, steps: list[tuple[object, ...]]) -> None:
    assert post_ops(PRODUCT, statement) == steps


@pytest.mark.parametrize(
    "statements",
    [
        [PRODUCT, "c[m,n] += bias[n]", "c[m,n] = max(c[m,n], 0)"],
        [PRODUCT, "d[m,n] = c[m,n] + bias[n]", "d[m,n] = max(d[m,n], 0)"],
        [PRODUCT, "d[m,n] = max(c[m,n] + bias[n], 0)"],
        [PRODUCT, "c[i,j] += bias[j]", "d[m,n] = max(c[m,n], 0)"],
        ["c[m,n] = bias[n]", PRODUCT, "c[m,n] = max(c[m,n], 0)"],
        [PRODUCT, "d[m,n] += c[m,n]", "d[m,n] += bias[n]", "d[m,n] = max(d[m,n], 0)"],
    ],
)
def test_how_the_statements_are_split_makes_no_difference(statements: list[str]) -> None:
    assert post_ops(*statements) == [("add", "bias"), ("relu",)]


def test_a_temporary_may_be_read_later() -> None:
    both = [PRODUCT, "d[m,n] = erf(c[m,n]/sqrt(2))", "d[m,n] = 0.5*c[m,n]*(d[m,n] + 1)"]
    assert post_ops(*both) == [("gelu_erf",)]


def test_the_product_writes_the_output() -> None:
    turned = recognised(PRODUCT, "t[n,m] = c[m,n] + bias[n] + rows[m]")
    assert isinstance(turned.product, MatrixProduct)
    assert turned.out.tensor == "t"
    assert (turned.product.a.tensor, turned.product.b.tensor) == ("b", "a")  # m is contiguous
    one, other = turned.post_ops
    assert isinstance(one, Binary)
    assert isinstance(other, Binary)
    assert turned.operand(one.operand).dims == (4, 1)
    assert turned.operand(other.operand).dims == (1, 4)


def test_a_single_statement_has_no_post_ops() -> None:
    found = recognise_with_post_ops(primitive(conv2d()))
    assert isinstance(found.product, Convolution)
    assert found.post_ops == ()


def grouped_with(bias: str, shape: list[str]) -> WithPostOps:
    spec = grouped()
    spec["tensors"] = {**spec["tensors"], "bias": shape}
    spec["statements"] = [*spec["statements"], f"out[n,g,oc,oh,ow] += bias[{bias}]"]
    return recognise_with_post_ops(primitive(spec))


def test_operands_of_a_grouped_convolution() -> None:
    found = grouped_with("g,oc", ["g", "oc"])
    (step,) = found.post_ops
    assert isinstance(step, Binary)
    assert found.operand(step.operand).dims == (1, 15, 1, 1)
    with pytest.raises(Unrecognised, match="varies with only one of g and oc"):
        grouped_with("oc", ["oc"])


@pytest.mark.parametrize(
    ("statements", "why"),
    [
        ([PRODUCT, "c[m,n] = erf(c[m,n])"], r"no known step computes erf\(product\)"),
        ([PRODUCT, "c[m,n] = scale[n]/c[m,n]"], "no known step computes div"),
        ([PRODUCT, "c[m,n] = c[m,n] + max(c[m,n], 0)"], "no known step computes add"),
        ([PRODUCT, "c[m,n] = c[m,n] + scale[n]*r[m,n]"], r"mul\(r, scale\) is neither a tensor"),
        ([PRODUCT, "c[m,n] = bias[n]"], "the output does not follow from the product"),
        ([PRODUCT, "d[m,n] = c[m,n] + c[n,m]"], "takes c.* from another place"),
        ([PRODUCT, "c[m,n] = c[m,n] + r[m,0]"], r"index '0' of r\[m, 0\] is no loop"),
        ([PRODUCT, "c[m,n] += r[m,n] * b[k,n]"], "2 of its statements reduce"),
        ([PRODUCT, "d[m,n] = c[m,n]", "t[n,m] = c[m,n]"], "2 outputs"),
        ([PRODUCT, *["c[m,n] = c[m,n]*c[m,n]"] * 9], "more than 200 operations"),
    ],
)
def test_refusals_name_what_is_in_the_way(statements: list[str], why: str) -> None:
    with pytest.raises(Unrecognised, match=why):
        recognised(*statements)


@pytest.mark.parametrize(
    ("first", "why"),
    [
        (["d[m,k] = 2*a[m,k]"], r"'d\[m,k\] = 2\*a\[m,k\]' does not follow"),
        (["c[m,n] = 1", "d[m,n] = c[m,n]"], "reads what another statement writes"),
    ],
)
def test_an_operand_that_is_computed_is_refused(first: list[str], why: str) -> None:
    spec = matmul(m=4, n=4, k=4) | {
        "tensors": {name: ["m", "n"] for name in "abcd"},
        "temporary": ["d"],
        "statements": [*first, "c[m,n] += d[m,k] * b[k,n]"],
    }
    if "a[" not in first[0]:
        del spec["tensors"]["a"]
    with pytest.raises(Unrecognised, match=why):
        recognise_with_post_ops(primitive(spec))


def test_an_output_that_starts_from_its_own_values_is_refused() -> None:
    with pytest.raises(Unrecognised, match="c starts from values of its own"):
        recognised(PRODUCT, "c[m,n] = max(c[m,n], 0)", accumulate=["c"])


def test_a_linear_step_has_its_parameters() -> None:
    assert recognised(PRODUCT, "c[m,n] = 2*c[m,n] + 1").post_ops == (Eltwise("linear", 2.0, 1.0),)
