"""The loops of a nest by role."""

from __future__ import annotations

import pytest

from compiler.model.loop_nest import loop_nest
from compiler.problem.specification import primitive_from
from compiler.space.axes import Axes, axes_of
from tests.compiler.problem.operators import OPERATORS, conv2d, matmul


def _axes(spec: dict[str, object]) -> dict[str, Axes]:
    return {axes.vector: axes for axes in axes_of(loop_nest(primitive_from(spec)).nest)}


def test_a_convolution() -> None:
    found = _axes(conv2d(n=2, ic=8, oc=16))
    assert set(found) == {"n", "oc", "oh", "ow"}
    channels = found["oc"]
    assert channels.pixels == ("n", "oh", "ow")
    assert (channels.batch, channels.channel, channels.taps) == ((), "ic", ("kh", "kw"))
    columns = found["ow"]
    assert (columns.pixels, columns.batch) == (("oc",), ("n", "oh"))
    assert (columns.channel, columns.taps) == ("ic", ("kh", "kw"))


def test_matrix_products() -> None:
    found = _axes(matmul())
    assert found["n"].pixels == ("m",)
    assert found["m"].pixels == ("n",)
    assert found["n"].channel == "k"
    batched = _axes(OPERATORS["batched"])
    assert batched["n"].pixels == ("m",)
    assert batched["n"].batch == ("g",)
    assert set(batched["n"].taps) == {"j"}


def test_groups_are_a_batch() -> None:
    found = _axes(OPERATORS["grouped"])
    assert found["oc"].batch == ("g",)
    assert "g" not in found  # both factors have it


@pytest.mark.parametrize("name", ["max_pool", "accumulated", "scatter", "backward_data"])
def test_no_reading_of_what_is_no_contraction(name: str) -> None:
    assert _axes(OPERATORS[name]) == {}


def test_every_loop_has_one_role() -> None:
    for spec in (conv2d(n=2), matmul(), OPERATORS["grouped"], OPERATORS["backward_weights"]):
        nest = loop_nest(primitive_from(spec)).nest
        for axes in axes_of(nest):
            channel = (axes.channel,) if axes.channel else ()
            roles = (axes.vector, *axes.pixels, *axes.batch, *channel, *axes.taps)
            assert sorted(roles) == sorted(loop for loop, _ in nest.extents)
