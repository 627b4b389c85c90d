"""The compilers that texts are compiled by in tests, and the targets that they are told of."""

from __future__ import annotations

import platform

import pytest

from tests.compiler.codegen.batch import c_compiler


def variants() -> dict[str, tuple[str, ...]]:
    """Compiler and flags; `no builtins` leaves all of them out."""
    gcc = c_compiler()
    found: dict[str, tuple[str, ...]] = {"native": (gcc,)}
    if platform.machine() == "x86_64":
        undefined = ("-U__SSE__", "-U__AVX__", "-U__AVX512F__", "-U__AVX512VL__")
        found |= {
            "no multiply-adds": (gcc, "-mno-fma", "-mno-avx512f"),
            "no AVX": (gcc, "-mno-avx"),
            "no builtins": (gcc, *undefined),
        }
    return found | {"clang": ("clang", "-mprefer-vector-width=512")}


VARIANTS = variants()
EVERY_VARIANT = [
    pytest.param(name, marks=pytest.mark.needs("clang")) if name == "clang" else name
    for name in VARIANTS
]
