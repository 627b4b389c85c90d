"""A Pad in front of a convolution is its padding, where it pads with zeros for it alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.harness.onnx.computed import check_computed
from tests.harness.onnx.models import model, network, node, saved

PADS = [0, 0, 1, 3, 0, 0, 2, 0]
CONV = node("Conv", "p k", "y", strides=[2, 3], pads=[1, 0, 0, 2], dilations=[2, 1])
SAME = node("Conv", "p k", "y", strides=[2, 3], auto_pad="SAME_LOWER")
SHAPES = {"x": (2, 3, 6, 7)}
KERNEL = {"k": (4, 3, 3, 2)}


@pytest.mark.parametrize("conv", [CONV, SAME])
@pytest.mark.parametrize("value", ["", " zero"])
def test_in_both_nodes(conv: Any, value: str, tmp_path: Path) -> None:
    held = {"pads": np.array(PADS, np.int64), **({"zero": np.float32(0)} if value else {})}
    made = model([node("Pad", f"x pads{value}", "p"), conv], SHAPES, "y", {**KERNEL, **held})
    check_computed(made, "conv2d", {"data": "x", "weight": "k"}, tmp_path)


def test_of_older_opsets(tmp_path: Path) -> None:
    made = model([node("Pad", "x", "p", pads=PADS), CONV], SHAPES, "y", KERNEL, 10)
    check_computed(made, "conv2d", {"data": "x", "weight": "k"}, tmp_path)


@pytest.mark.parametrize(
    ("pads", "attributes", "value", "outputs"),
    [
        (PADS, {"mode": "reflect"}, 0, "y"),
        (PADS, {}, 1, "y"),
        (PADS, {}, 0, "y p"),
        ([0, 0, 1, 3, 0, 0, -1, 0], {}, 0, "y"),
        ([0, 0, 1, 3, 1, 0, 2, 0], {}, 0, "y"),
    ],
)
def test_what_is_no_padding_of_a_convolution(
    pads: list[int], attributes: dict[str, Any], value: float, outputs: str, tmp_path: Path
) -> None:
    held = {"pads": np.array(pads, np.int64), "value": np.float32(value)}
    nodes = [node("Pad", "x pads value", "p", **attributes), CONV]
    found = network(saved(model(nodes, SHAPES, outputs, {**KERNEL, **held}), tmp_path))
    assert [one["op"] for one in found.facts["left_out"]] == ["Pad"]
    assert [entry["nodes"] for entry in found.entries] == [["y"]]
