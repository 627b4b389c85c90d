"""Parts of vectors, by every compiler and for every target: what they read, write and leave."""

from __future__ import annotations

import ctypes
import re
import subprocess
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from compiler.codegen.builtins import BUILTINS, Builtin, chosen
from compiler.codegen.c_printer import prelude
from compiler.problem.dtypes import F32, DType
from harness.kernel.memory import MappedBuffer
from tests.compiler.codegen.batch import FLAGS
from tests.compiler.codegen.targets import EVERY_VARIANT, VARIANTS
from tests.compiler.problem.another_dtype import F64

TYPES = (F32, F64)
LANES = (2, 4, 8, 16, 32)  # of fewer and of more bytes than any target's vectors too
USE = """\
void load_{k}({c} *p, {c} *y) {{ STORE(y, LOAD_PART(p, {n})); }}
void store_{k}({c} *p, {c} *x) {{ STORE_PART(p, LOAD(x), {n}); }}
void fill_{k}({c} *x, {c} *y) {{ STORE(y, FILL_PART(LOAD(x), {n}, LOAD(y))); }}
"""


def _unit(dtype: DType, lanes: int) -> str:
    """Functions of every part of a vector; the types and macros are this unit's alone."""
    own = f"{dtype.name}_{lanes}"
    uses = (USE.format(k=f"{own}_{n}", c=dtype.c, n=n) for n in range(1, lanes))
    text = prelude(dtype, lanes, nontemporal=False, partial=True) + "".join(uses)
    text = re.sub(r"\b(vec|loose|mask)\b", rf"\1_{own}", text)
    return text + "".join(
        f"#undef {name}\n" for name in sorted(set(re.findall(r"#define (\w+)", text)))
    )


def _built(variant: str, level: str, folder: Path) -> ctypes.CDLL:
    source, library = folder / f"parts{level}.c", folder / f"parts{level}.so"
    source.write_text("".join(_unit(dtype, lanes) for dtype, lanes in product(TYPES, LANES)))
    compiler, *flags = VARIANTS[variant]
    command = [compiler, level, *FLAGS, *flags, "-Wall", "-Wextra", "-Werror", "-shared"]
    subprocess.run([*command, "-o", library, source], check=True)
    return ctypes.CDLL(str(library))


@pytest.mark.parametrize("level", ["-O0", "-O2"])
@pytest.mark.parametrize("variant", EVERY_VARIANT)
def test_parts_touch_their_own_lanes_alone(variant: str, level: str, tmp_path: Path) -> None:
    """A part ends at a page that nothing may touch; behind it a vector would not fit."""
    library = _built(variant, level, tmp_path)

    def call(name: str, *places: int) -> None:
        library[name](*map(ctypes.c_void_p, places))

    for dtype, lanes in product(TYPES, LANES):
        page = MappedBuffer(64 // dtype.bytes, dtype, "end")
        whole = np.arange(lanes, dtype=dtype.numpy) + 1
        for n in range(1, lanes):
            place = f"{dtype.name}_{lanes}_{n}"
            read = 64 // dtype.bytes - min(n, 64 // dtype.bytes)
            if n * dtype.bytes <= 64:
                page.values[read:] = whole[:n]
                found = np.full(lanes, np.nan, dtype.numpy)
                end = page.address + read * dtype.bytes
                call(f"load_{place}", end, found.ctypes.data)
                assert np.array_equal(found, np.where(whole <= n, whole, 0)), place
                page.values[:] = -1
                call(f"store_{place}", end, whole.ctypes.data)
                assert np.array_equal(page.values[read:], whole[:n]), place
                assert (page.values[:read] == -1).all() and page.intact, place
            found = np.full(lanes, -np.inf, dtype.numpy)
            call(f"fill_{place}", whole.ctypes.data, found.ctypes.data)
            assert np.array_equal(found, np.where(whole <= n, whole, -np.inf)), place


def test_the_table_names_targets_best_first() -> None:
    for size, rows in BUILTINS.items():
        assert size in (16, 32, 64)
        for row in rows:
            assert all(isinstance(one, Builtin) and one.text for one in row.values())
    text = chosen("load_part", F32, 8, "plain\n", lambda one: f"{one}\n")
    assert re.findall(r"#\w+ ?.*", text) == [
        "#if defined(__AVX512VL__)",
        "#elif defined(__AVX__)",
        "#else",
        "#endif",
    ]
    assert "#else\nplain\n#endif" in text and "loadups256_mask" in text
    assert "loadupd512_mask" in chosen("load_part", F64, 8, "", str)
    assert "!defined(__clang__)" in chosen("max", F32, 8, "", str)
    assert chosen("load_part", F32, 64, "plain\n", str) == "plain\n"  # no vector is as long
