"""Which nests are sums of products, and what each operand is to a vector loop."""

from __future__ import annotations

from typing import Any

import pytest

from compiler.errors import ScheduleError
from compiler.microkernel.contraction import contraction, covers, dimension, sum_of_products
from compiler.model.loop_nest import loop_nest
from compiler.problem.primitive import Primitive
from compiler.problem.specification import primitive_from
from tests.compiler.problem.operators import OPERATORS, conv2d, matmul

PRODUCTS = {"chain", "depthwise", "grouped", "backward_weights", "batched"}


def _nest(spec: dict[str, Any]) -> Primitive:
    return loop_nest(primitive_from(spec)).nest


@pytest.mark.parametrize("name", OPERATORS)
def test_sums_of_products(name: str) -> None:
    found = sum_of_products(_nest(OPERATORS[name]), 0)
    assert (found is not None) == (name in PRODUCTS)


def test_roles_of_a_convolution() -> None:
    nest = _nest(conv2d(oc=16))
    over_channels = contraction(nest, 0, "oc")
    assert over_channels.output.tensor == "out"
    assert over_channels.vector_operand.tensor == "weight"
    assert over_channels.broadcast_operand.tensor == "data"
    over_pixels = contraction(nest, 0, "ow")
    assert over_pixels.vector_operand.tensor == "data"
    assert [a.tensor for a in over_pixels.accesses] == ["data", "weight", "out"]


@pytest.mark.parametrize(
    ("spec", "loop", "message"),
    [
        (conv2d(), "ic", "vector loop 'ic' is not a loop of the output"),
        (conv2d(), "nowhere", "vector loop 'nowhere' is not a loop of the output"),
        (OPERATORS["depthwise"], "c", "vector loop 'c' must be in exactly one factor"),
        (OPERATORS["max_pool"], "c", "only scheme scalar fits: not one sum of two factors"),
        (OPERATORS["backward_data"], "ic", "only scheme scalar fits"),
    ],
)
def test_refusals(spec: dict[str, Any], loop: str, message: str) -> None:
    with pytest.raises(ScheduleError, match=message):
        contraction(_nest(spec), 0, loop)


@pytest.mark.parametrize(
    ("target", "shape", "whole"),
    [
        ("y[i,j]", ["i", "j"], True),
        ("y[j,i]", ["j", "i"], True),
        ("y[2*i,j]", ["2*i", "j"], False),  # gaps
        ("y[i+1,j]", ["i+1", "j"], False),
        ("y[i,j]", ["i+1", "j"], False),
        ("y[i+j,j]", ["i+j", "j"], False),  # overlaps in one dimension
        ("y[i-1,j]", ["i", "j"], False),  # writes outside are dropped
    ],
)
def test_covers(target: str, shape: list[str], whole: bool) -> None:
    spec = {
        "name": "cover",
        "sizes": {"i": 4, "j": 3, "k": 2},
        "tensors": {"a": ["i", "k"], "b": ["k", "j"], "y": shape},
        "statements": [f"{target} += a[i,k] * b[k,j]"],
    }
    primitive = primitive_from(spec)
    assert covers(primitive, primitive.statements[0].target) == whole
    assert (sum_of_products(primitive, 0) is not None) == whole


def test_dimension_of_a_plain_index() -> None:
    nest = _nest(conv2d(kh=1, pad_h=0, stride=2))
    data = next(a for a in nest.statements[0].reads if a.tensor == "data")
    assert dimension(data, "ic") == 1
    assert dimension(data, "oh") is None  # 2*oh
    assert dimension(data, "ow") is None  # 2*ow + kw - 1
    assert dimension(data, "oc") is None
    assert dimension(_nest(matmul()).statements[0].target, "n") == 1
