"""Dimensions that several loops write: split where every access allows it, else left."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from compiler.model.loop_nest import loop_nest
from compiler.model.split_dimensions import split_dimensions
from compiler.problem.inputs import random_inputs
from compiler.problem.reference import reference
from compiler.problem.specification import primitive_from


def _spec(statement: str, x: list[str], y: list[str], **more: Any) -> dict[str, Any]:
    return {
        "name": "split",
        "sizes": {"c": 3, "h": 4},
        "tensors": {"x": x, "y": y},
        "statements": [statement],
        **more,
    }


SPLIT = {
    "upsampled": _spec(
        "y[c,2*h+i] = x[c,h]", ["c", "h"], ["c", "2*h"], extents={"i": 2}
    ),
    "offset": _spec("y[c,2*h+1-i] = x[c,h]", ["c", "h"], ["c", "2*h"], extents={"i": 2}),
    "stored": _spec(
        "y[c,2*h+i] = x[c,h]", ["c", "h"], ["c", "2*h"], extents={"i": 2}, stored={"y": [1, 0]}
    ),
    "thrice": _spec(
        "y[c,6*h+2*i+j] = x[c,h] * 2", ["c", "h"], ["c", "6*h"], extents={"i": 3, "j": 2}
    ),
    "shuffled": _spec(
        "y[2*c+i,h] = x[c,i,h]", ["c", "2", "h"], ["2*c", "h"], extents={"i": 2}
    ),
    "both": _spec(
        "y[2*k+i,h] = x[2*k+i,h]", ["2*c", "h"], ["2*c", "h"], extents={"i": 2, "k": "c"}
    ),
}  # fmt: skip
LEFT = {
    "overlapping": _spec("y[c,2*h+i] += x[c,h]", ["c", "h"], ["c", "2*h+1"], extents={"i": 3}),
    "read_across": _spec(
        "y[c,2*k+i] = x[c,2*k+i-1]",
        ["c", "2*h"],
        ["c", "2*h"],
        extents={"i": 2, "k": "h"},
        outside={"x": 0},
    ),
    "strided_read": _spec("y[c,h] = x[c,2*h]", ["c", "2*h"], ["c", "h"]),
}


@pytest.mark.parametrize("name", SPLIT)
def test_each_loop_stands_alone_and_the_elements_keep_their_order(name: str) -> None:
    primitive = primitive_from(SPLIT[name])
    nest = loop_nest(primitive).nest
    assert all(len(index.loops) <= 1 for index in nest.statements[0].target.indices)
    inputs = random_inputs(primitive, 0)
    reshaped = {key: values.reshape(nest.tensor(key).shape) for key, values in inputs.items()}
    expected, found = reference(primitive, inputs)["y"], reference(nest, reshaped)["y"]
    np.testing.assert_array_equal(found.reshape(expected.shape), expected)


@pytest.mark.parametrize("name", LEFT)
def test_what_no_split_serves_is_left(name: str) -> None:
    primitive = primitive_from(LEFT[name])
    nest = split_dimensions(primitive)
    split = [t.name for t in nest.tensors if len(t.shape) > 2]
    assert split == (["y"] if name == "read_across" else [])
