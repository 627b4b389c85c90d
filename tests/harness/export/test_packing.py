"""Packing functions in C do what `Layout.pack` does, for any order and blocks."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from compiler.codegen.kernel import Buffer
from compiler.problem.dtypes import F32
from compiler.schedule.layout import layout_from_tag
from harness.export.packing import packing_function, unpacking_function
from harness.failure import Failure
from harness.kernel.build import build
from harness.kernel.toolchain import Toolchain

CASES = [
    ((2, 17, 3), "aBc8b"),
    ((32, 12, 3, 3), "ABcd4b16a"),
    ((6, 5), "ba"),
    ((24, 7), "bA4a2a"),
    ((1, 9), "aB16b"),
]


@pytest.mark.parametrize(("shape", "tag"), CASES)
def test_there_and_back(shape: tuple[int, ...], tag: str, toolchain: Toolchain) -> None:
    layout = layout_from_tag(tag, shape)
    buffer = Buffer("x", "input", layout.elements, F32, layout)
    text = packing_function("pack", buffer) + unpacking_function("unpack", buffer)
    built = build(text, False, toolchain)
    assert not isinstance(built, Failure), built
    library = ctypes.CDLL(str(built.path))
    values = np.arange(1, 1 + np.prod(shape), dtype=np.float32).reshape(shape)
    packed = np.full(layout.elements, np.nan, np.float32)
    library.pack(ctypes.c_void_p(values.ctypes.data), ctypes.c_void_p(packed.ctypes.data))
    assert np.array_equal(packed, layout.pack(values))
    back = np.full(shape, np.nan, np.float32)
    library.unpack(ctypes.c_void_p(packed.ctypes.data), ctypes.c_void_p(back.ctypes.data))
    assert np.array_equal(back, values)
