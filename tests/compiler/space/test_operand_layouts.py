"""Where tensors lie: contiguous lanes, blocked channels, copies where borders ask for them."""

from __future__ import annotations

from typing import Any

from compiler.model.loop_nest import loop_nest
from compiler.problem.architecture import Architecture
from compiler.problem.specification import primitive_from
from compiler.space.axes import axes_of
from compiler.space.operand_layouts import OperandLayouts, operand_layouts
from tests.compiler.machines import AVX2, AVX512
from tests.compiler.problem.operators import OPERATORS, conv2d, matmul


def _chosen(
    spec: dict[str, Any], vector: str, machine: Architecture = AVX2
) -> tuple[OperandLayouts, ...]:
    nest = loop_nest(primitive_from(spec)).nest
    axes = next(axes for axes in axes_of(nest) if axes.vector == vector)
    return tuple(operand_layouts(nest, axes, machine))


def test_blocked_channels_of_a_convolution() -> None:
    found = _chosen(conv2d(ic=32, oc=16), "oc", AVX512)
    assert [p.channel_block for p in found] == [32, 16, 8]
    assert {(p.scheme, p.lanes, p.pack) for p in found} == {("broadcast", 16, ())}
    assert dict(found[1].layout) == {
        "data": "aBcd16b",
        "weight": "ABcd16b16a",
        "out": "aBcd16b",
    }


def test_lanes_shrink_with_few_channels() -> None:
    assert {p.lanes for p in _chosen(conv2d(oc=6), "oc", AVX512)} == {8}
    assert {p.lanes for p in _chosen(conv2d(oc=3), "oc", AVX512)} == {4}
    assert {p.lanes for p in _chosen(conv2d(oc=17), "oc", AVX512)} == {16}


def test_pixels_copy_a_padded_image() -> None:
    for padded in _chosen(conv2d(ic=8, oc=6), "ow"):
        assert padded.scheme == "pixels"
        assert dict(padded.pack) == {"data": "abcd"}
        assert "data" not in dict(padded.layout)
    for inside in _chosen(conv2d(ic=8, oc=6, kh=1, kw=1, pad_h=0, pad_w=0), "oh_ow"):
        assert inside.pack == ()


def test_few_channels_may_stay_in_planes() -> None:
    blocks = [p.channel_block for p in _chosen(conv2d(ic=3, oc=16), "oc")]
    assert blocks == [3, 1]
    together, planes = _chosen(conv2d(ic=2, oc=16), "oc")
    assert dict(together.layout)["data"] == "aBcd2b"
    assert "data" not in dict(planes.layout)


def test_no_lanes_along_a_strided_image() -> None:
    assert _chosen(conv2d(oc=6, stride=2), "ow") == ()


def test_plain_matrices_stay_as_they_are() -> None:
    fixed = {**matmul(m=16, n=16, k=16), "constant": []}
    for layouts in _chosen(fixed, "n"):
        assert layouts.layout == ()
    assert {dict(p.pack).get("b") for p in _chosen(fixed, "n")} == {None, "Ba8b"}
    for layouts in _chosen(matmul(m=16, n=16, k=16), "n"):
        assert dict(layouts.layout) == {"b": "Ba8b"}
    assert _chosen(fixed, "m") == ()  # c is row-major: no lanes along its rows


def test_groups_stay_outermost() -> None:
    for layouts in _chosen({**OPERATORS["grouped"], "constant": ["w"]}, "oc"):
        assert dict(layouts.layout)["w"].startswith("a")
