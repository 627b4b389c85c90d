"""Packed copies against numpy's padding, in one compiled file."""

from __future__ import annotations

import ctypes
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from compiler.codegen.packing import packing
from compiler.lower.operands import Packed, packed
from compiler.model.loop_nest import loop_nest
from compiler.problem.primitive import Access, Primitive
from compiler.problem.specification import primitive_from
from compiler.schedule.layout import Layout, layout_from_tag
from tests.compiler.codegen.targets import c_compiler
from tests.compiler.problem.operators import MAX_POOL, conv2d, matmul


@dataclass(frozen=True)
class Case:
    """An operand to copy, and what numpy should pad it with in front of and behind each end."""

    spec: dict[str, Any]
    tensor: str
    source: str | None
    target: str
    slack: dict[str, int]
    widths: tuple[tuple[int, int], ...]


CASES = (
    Case(conv2d(pad_h=1, pad_w=2), "data", None, "abcd", {}, ((0, 0), (0, 0), (1, 1), (2, 2))),
    Case(conv2d(n=2, pad_h=0, pad_w=1), "data", "aBcd4b", "bcda", {},
         ((0, 0), (0, 0), (0, 0), (1, 1))),
    Case(conv2d(iw=7, pad_w=1), "data", None, "acBd4b", {"ow": 5},
         ((0, 0), (0, 0), (1, 1), (1, 6))),
    Case(conv2d(ih=8, iw=9, stride=3, pad_h=1, pad_w=1, dilation=2), "data", None, "abdc", {},
         ((0, 0), (0, 0), (1, 0), (1, 1))),
    Case({**conv2d(pad_h=2, pad_w=1), "outside": {"data": 0.25}}, "data", None, "abcD4d", {},
         ((0, 0), (0, 0), (2, 2), (1, 1))),
    Case(MAX_POOL, "data", None, "abcd", {}, ((0, 0), (0, 0), (1, 1), (1, 1))),
    Case({**matmul(k=6, n=13), "constant": []}, "b", None, "Ba8b", {"n": 3}, ((0, 0), (0, 3))),
    Case({**matmul(k=6, n=16), "constant": []}, "b", None, "BA2a8b", {}, ((0, 0), (0, 0))),
)  # fmt: skip


def _access(nest: Primitive, tensor: str) -> Access:
    return next(a for s in nest.statements for a in s.reads if a.tensor == tensor)


def _copy(case: Case) -> tuple[Primitive, Packed]:
    nest = loop_nest(primitive_from(case.spec)).nest
    tensor = nest.tensor(case.tensor)
    tag = case.source
    source = layout_from_tag(tag, tensor.shape) if tag else Layout(tensor.shape, tensor.stored)
    return nest, packed(nest, _access(nest, case.tensor), source, case.target, case.slack)


def test_copies_are_numpys_padding(tmp_path: Path) -> None:
    copies = [_copy(case) for case in CASES]
    texts = [
        packing(copy).replace(f"static void pack_{copy.tensor}", f"void pack_{number}")
        for number, (_, copy) in enumerate(copies)
    ]
    source, library = tmp_path / "pack.c", tmp_path / "pack.so"
    source.write_text("\n".join(texts))
    subprocess.run([c_compiler(), "-O1", "-shared", "-fPIC", "-o", library, source], check=True)
    loaded = ctypes.CDLL(str(library))
    for number, (case, (nest, copy)) in enumerate(zip(CASES, copies, strict=True)):
        tensor = nest.tensor(case.tensor)
        values = np.arange(1, tensor.elements + 1, dtype=np.float32).reshape(tensor.shape)
        outside = 0.0 if tensor.outside is None else tensor.outside
        padded = np.pad(values, case.widths, constant_values=outside)
        assert copy.target.shape == padded.shape
        assert copy.shift == tuple(before for before, _ in case.widths)
        given = copy.source.pack(values)
        filled = np.full(copy.target.elements + 64, np.nan, np.float32)
        loaded[f"pack_{number}"](given.ctypes.data_as(ctypes.c_void_p),
                                 filled.ctypes.data_as(ctypes.c_void_p))  # fmt: skip
        np.testing.assert_array_equal(copy.target.unpack(filled), padded)
        assert np.isnan(filled[copy.target.elements :]).all()
