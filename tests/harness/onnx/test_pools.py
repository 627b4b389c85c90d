"""Windows of pools where operators changed their meaning, or have several."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.benchdnn.problem import Window
from harness.onnx.expressions import Inexpressible
from harness.onnx.pools import _has_empty
from tests.harness.onnx.models import node, start


def test_padding_that_counts_where_a_window_was_added(tmp_path: Path) -> None:
    made = node(
        *("AveragePool", "x", "y"),
        kernel_shape=[2, 2],
        strides=[2, 2],
        ceil_mode=1,
        count_include_pad=1,
    )
    with pytest.raises(Inexpressible, match="ceil_mode"):
        start(made, tmp_path, 19, x=(1, 2, 5, 5))


def test_a_window_behind_the_image(tmp_path: Path) -> None:
    made = node("MaxPool", "x", "y", kernel_shape=[1, 2], strides=[3, 2], ceil_mode=1)
    with pytest.raises(Inexpressible, match="a window that has nothing of the image"):
        start(made, tmp_path, x=(1, 2, 9, 8))


def test_windows_that_have_nothing_of_the_image() -> None:
    """By the rule, and tap by tap."""
    for length in (1, 3, 4):
        for kernel, stride, dilation in ((1, 2, 0), (2, 1, 4), (3, 2, 1), (2, 3, 3)):
            for before in range(7):
                for output in range(1, 6):
                    window = Window(length, output, kernel, stride, before, dilation)
                    starts = range(-before, output * stride - before, stride)
                    reach = [
                        any(0 <= at + tap * (dilation + 1) < length for tap in range(kernel))
                        for at in starts
                    ]
                    assert _has_empty(window) is not all(reach)


def test_a_window_of_billions_is_looked_at_in_no_time() -> None:
    assert _has_empty(Window(2**40, 2**40, 2**40, 1, 2**62, 0))
    assert not _has_empty(Window(2**40, 2**40, 2**40, 1, 2**39, 0))


def test_places_of_the_largest_are_inexpressible(tmp_path: Path) -> None:
    made = node("MaxPool", "x", "y i", kernel_shape=[2, 2])
    with pytest.raises(Inexpressible, match="the places of the largest"):
        start(made, tmp_path, x=(1, 2, 4, 4))
