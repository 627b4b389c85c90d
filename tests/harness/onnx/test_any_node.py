"""Nodes of any attributes and shapes are problems, left out in a line, or refused with the file."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, defs, helper

from harness.errors import SettingsError
from harness.onnx.expressions import ELEMENTWISE
from harness.onnx.network import LONGEST
from harness.onnx.starts import STARTS
from tests.harness.onnx.models import model, network, saved

OPERATORS = (*STARTS, *ELEMENTWISE, "Clip", "Concat", "Dropout", "Reshape")
BEFORE = ("Transpose", "Pad", "Identity")
OPSETS = (6, 7, 9, 10, 11, 13, 17, 18, 19, 21, 23, 24)
NUMBERS = (0, 1, 1, 2, 2, 3, -1, 5, 2**31, 2**62, 1 - 2**63)
FLOATS = (0.0, 0.75, 1.0, -1.0, 1e38, 3e-39, float("inf"), float("nan"))
WORDS = ("SAME_UPPER", "VALID", "nearest", "floor", "asymmetric", "ab,bc->ac", "a...,b", "a\nb", "")


def attributes(operator: str, opset: int, random: Random) -> dict[str, Any]:
    """Some of an operator's, of the right types."""
    drawn: dict[str, Any] = {}
    lists = {"INTS": NUMBERS, "FLOATS": FLOATS}
    for name, attribute in defs.get_schema(operator, opset).attributes.items():
        kind = attribute.type.name
        if random.random() < 0.5:
            continue
        if kind in lists:
            drawn[name] = random.choices(lists[kind], k=random.choice((1, 2, 2, 4, 8)))
        elif kind in ("INT", "FLOAT", "STRING"):
            drawn[name] = random.choice({"INT": NUMBERS, "FLOAT": FLOATS, "STRING": WORDS}[kind])
    return drawn


def drawn_network(random: Random) -> ModelProto:
    """A node behind another one, which gives all that it reads first; ReLU follows."""
    opset = random.choice(OPSETS)
    known = [op for op in OPERATORS if defs.has(op, max_inclusive_version=opset)]
    operator, before = random.choice(known), random.choice(BEFORE)
    schema = defs.get_schema(operator, opset)
    most = min(schema.max_input, 5)
    count = random.randint(min(max(schema.min_input, 1), most), max(most, 1))
    rank = random.randint(0, 5)

    def dims() -> tuple[int, ...]:
        own = rank if random.random() < 0.6 else random.randint(0, 5)
        return tuple(random.choices((1, 1, 2, 3, 4, 6, 0), (9, 9, 9, 9, 9, 9, 1), k=own))

    inputs, constants = {"x": dims()}, dict[str, Any]()
    for place in range(1, count):
        match random.randrange(4):
            case 0:
                inputs[f"i{place}"] = dims()
            case 1:
                constants[f"i{place}"] = np.array(random.choices(NUMBERS, k=4), np.int64)
            case 2:
                constants[f"i{place}"] = np.float32(random.choice(FLOATS))
            case 3:
                constants[f"i{place}"] = dims()
    read = ["a", *(f"i{place}" for place in range(1, count))]
    nodes = [
        helper.make_node(before, ["x"], ["a"], **attributes(before, opset, random)),
        helper.make_node(operator, read, ["b"], **attributes(operator, opset, random)),
        helper.make_node("Relu", ["b"], ["y"]),
        helper.make_node("Relu", ["x"], ["z"]),
    ]
    return model(nodes, inputs, "y z", constants, opset)


@pytest.mark.parametrize("seed", range(4))
def test_any_node(seed: int, tmp_path: Path) -> None:
    random = Random(seed)
    taken = 0
    for _ in range(60):
        try:
            found = network(saved(drawn_network(random), tmp_path))
        except SettingsError as refusal:
            assert "\n" not in str(refusal)
            continue
        taken += any("b" in named.split() for one in found.entries for named in one["nodes"])
        for one in found.facts["left_out"]:
            assert "\n" not in one["reason"] and len(one["reason"]) <= LONGEST
    assert taken >= 5
