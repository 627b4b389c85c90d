"""The compilers that texts are compiled by in tests, and the targets that they are told of."""

from __future__ import annotations

import platform
import shutil

import pytest

NATIVE = "native"


def c_compiler() -> str:
    """The C compiler of this host, as the harness would look for it."""
    return next(path for path in map(shutil.which, ("gcc", "cc", "clang")) if path)


def variants() -> dict[str, tuple[str, ...]]:
    """Compiler and flags; `no builtins` leaves all of them out."""
    gcc, clang = c_compiler(), ("clang", "-mprefer-vector-width=512")
    found: dict[str, tuple[str, ...]] = {NATIVE: (gcc,)}
    if platform.machine() == "x86_64":
        undefined = ("-U__SSE__", "-U__AVX__", "-U__AVX512F__", "-U__AVX512VL__")
        found |= {
            "no multiply-adds": (gcc, "-mno-fma", "-mno-avx512f"),
            "no AVX-512": (gcc, "-mno-avx512f"),
            "no AVX": (gcc, "-mno-avx"),
            "no builtins": (gcc, *undefined),
            "clang, no AVX-512": (*clang, "-mno-avx512f"),
        }
    return found | {"clang": clang}


VARIANTS = variants()
# Those that whole kernels are built as: two compilers, and each also as a narrower host has them
COMPILED = [one for one in (NATIVE, "clang", "no AVX-512", "clang, no AVX-512") if one in VARIANTS]
EVERY_VARIANT = [
    pytest.param(name, marks=pytest.mark.needs("clang")) if "clang" in name else name
    for name in VARIANTS
]
