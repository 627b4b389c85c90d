"""Lanes joined to one number: every width, all reductions, by gcc and by clang."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from compiler.codegen.c_printer import prelude
from compiler.codegen.lane_functions import joined, lane_functions
from compiler.codegen.vector_functions import vector_functions
from compiler.problem.dtypes import F32
from compiler.problem.primitive import Reduction
from tests.compiler.codegen.batch import FLAGS
from tests.compiler.codegen.targets import c_compiler

JOINED: dict[Reduction, Callable[[npt.NDArray[np.float32]], float]] = {
    "add": np.sum,
    "max": np.max,
    "min": np.min,
}
COMPILERS = [c_compiler(), pytest.param("clang", marks=pytest.mark.needs("clang"))]


def _built(text: str, compiler: str, folder: Path) -> ctypes.CDLL:
    source, library = folder / "lanes.c", folder / "lanes.so"
    source.write_text(text)
    subprocess.run([compiler, "-O1", "-shared", *FLAGS, "-o", library, source], check=True)
    return ctypes.CDLL(str(library))


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("lanes", [1, 2, 4, 8, 16, 32])
def test_every_lane_counts_once(lanes: int, compiler: str, tmp_path: Path) -> None:
    text = prelude(F32, lanes, False) + vector_functions(["max", "min"], lanes)
    text += lane_functions(list(JOINED), lanes, F32)
    for name in JOINED:
        text += f"float run_{name}(const float *x) {{ return join_{name}(LOAD(x)); }}\n"
    library = _built(text, compiler, tmp_path)
    x = np.random.default_rng(lanes).permutation(2.0 ** np.arange(lanes) - 3).astype(np.float32)
    if lanes > 20:
        x = np.arange(lanes, dtype=np.float32)
    place = x.ctypes.data_as(ctypes.POINTER(ctypes.c_float))

    def run(name: str) -> float:
        function = getattr(library, name)
        function.restype = ctypes.c_float
        return float(function(place))

    for name, value in JOINED.items():
        assert run(f"run_{name}") == value(x)


def test_several_become_one_in_halves() -> None:
    assert joined("add", ["x"]) == "x"
    assert joined("add", ["x", "y", "z", "w"]) == "((x + y) + (z + w))"
    assert joined("max", ["x", "y", "z"]) == "vec_max(x, vec_max(y, z))"
