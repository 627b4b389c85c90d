"""Functions on vectors: against mpmath, for every vector length, whatever the target has."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import numpy.typing as npt
import pytest

from compiler.codegen.c_printer import prelude
from compiler.codegen.vector_functions import NEEDS, vector_functions
from compiler.problem.dtypes import F32
from compiler.problem.evaluation import ULPS
from compiler.problem.names import FUNCTIONS
from tests.compiler.codegen.batch import FLAGS
from tests.compiler.codegen.targets import EVERY_VARIANT, VARIANTS

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
BINARY = ("max", "min")
RUN = {
    True: "void run_{0}(const float *x, const float *z, float *y, long n)\n"
    "{{ for (long i = 0; i < n; i += {1}) STORE(y + i, vec_{0}(LOAD(x + i), LOAD(z + i))); }}\n",
    False: "void run_{0}(const float *x, float *y, long n)\n"
    "{{ for (long i = 0; i < n; i += {1}) STORE(y + i, vec_{0}(LOAD(x + i))); }}\n",
}
BOUNDARIES = {  # where another piece, denormals, infinities or a cut begin
    "exp": [
        *(np.arange(-150.5, 129) * np.log(2)),
        *(-104, -103.97208, -103.27893, -87.33655, 88.722839, 89),
    ],
    "tanh": [*(np.arange(0.5, 27) * np.log(2) / 2), 9.010913, 9.1],
    "erf": [2.4494898, 3.8, 3.9192059],
}
SPECIAL = [0.0, 2.0**-149, 2.0**-127, 2.0**-126, 2.0**-24, 1.0, 3.4028235e38, np.inf, np.nan]


def built(variant: str, lanes: int, folder: Path) -> ctypes.CDLL:
    """A library of all functions; the compiler has nothing to say of it."""
    text = prelude(F32, lanes, nontemporal=False) + vector_functions(FUNCTIONS, lanes)
    text += "".join(RUN[name in BINARY].format(name, lanes) for name in FUNCTIONS)
    source = folder / "functions.c"
    source.write_text(text)
    compiler, *flags = VARIANTS[variant]
    command = [compiler, "-O2", *FLAGS, *flags, "-Wall", "-Wextra", "-Werror", "-shared"]
    subprocess.run([*command, "-o", folder / "functions.so", source, "-lm"], check=True)
    return ctypes.CDLL(str(folder / "functions.so"))


def run(library: ctypes.CDLL, name: str, *arguments: Floats) -> Floats:
    result = np.full_like(arguments[0], 7)
    pointers = [ctypes.c_void_p(array.ctypes.data) for array in (*arguments, result)]
    library[f"run_{name}"](*pointers, ctypes.c_long(result.size))
    return result


@lru_cache
def samples(name: str) -> Floats:
    """Some thousand arguments, both signs of each, in whole vectors of every length."""
    random = np.random.default_rng(3)
    edges = np.array(BOUNDARIES.get(name, [1.0]), np.float32)
    found = [
        np.array(SPECIAL, np.float32),
        *(np.nextafter(edges, np.float32(towards)) for towards in (-np.inf, np.inf)),
        edges,
        random.uniform(0, 110, 500),
        random.uniform(0, 10, 1000),
        random.uniform(1, 2, 800) * 2.0 ** random.integers(-149, 128, 800),
    ]
    one = np.concatenate(found).astype(np.float32)
    return np.concatenate([one, -one, np.zeros(-2 * one.size % 64, np.float32)])


@lru_cache
def exact(name: str) -> Doubles:
    """The function of the samples, rounded to double."""
    functions: dict[str, Callable[[Any], Any]] = {
        "exp": mpmath.exp,
        "tanh": mpmath.tanh,
        "erf": mpmath.erf,
        "sqrt": lambda x: mpmath.sqrt(x) if x >= 0 else mpmath.nan,
        "abs": mpmath.fabs,
    }
    with mpmath.workdps(30):
        return np.array([float(functions[name](mpmath.mpf(float(x)))) for x in samples(name)])


def errors(found: Floats, wanted: Doubles) -> Doubles:
    """In ulp; a denormal's is that of the least one. What is infinite or no number must be so."""
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = wanted.astype(np.float32)
        exponents = np.frexp(np.abs(wanted))[1].clip(-125, 128)
        error = np.abs(found - wanted) / 2.0 ** (exponents - 24)
    same = (found == rounded) | (np.isnan(found) & np.isnan(rounded))
    finite = np.isfinite(found) & np.isfinite(rounded)
    return np.where(finite, error, np.where(same, 0.0, np.inf))


@pytest.mark.parametrize("lanes", [1, 4, 8, 16, 64])
@pytest.mark.parametrize("variant", EVERY_VARIANT)
def test_functions_are_as_near_as_is_said(variant: str, lanes: int, tmp_path: Path) -> None:
    library = built(variant, lanes, tmp_path)
    for name in ("exp", "tanh", "erf", "sqrt", "abs"):
        x, wanted = samples(name), exact(name)
        found = run(library, name, x)
        error = errors(found, wanted)
        worst = int(np.argmax(error))
        limit = 0.5 if name == "sqrt" else ULPS.get(name, 0.0)
        assert error[worst] <= limit, (name, x[worst], found[worst], wanted[worst])
        odd = {"tanh": True, "erf": True, "sqrt": x == 0}  # of -0 they are -0, mpmath has none
        signs = np.signbit(x) & odd.get(name, False)
        assert (np.signbit(found) == signs)[~np.isnan(found)].all(), name
        if name in ("tanh", "erf"):
            assert not (np.abs(found) > 1).any(), name


@pytest.mark.parametrize("variant", EVERY_VARIANT)
def test_maximum_and_minimum(variant: str, tmp_path: Path) -> None:
    """The second argument where one is no number: that is what the constants before it are for."""
    x = samples("exp")
    z = np.roll(x, 5)
    numbers = ~(np.isnan(x) | np.isnan(z))
    for lanes in (4, 8, 16):
        library = built(variant, lanes, tmp_path)
        for name, numpy in (("max", np.maximum), ("min", np.minimum)):
            found = run(library, name, x, z)
            assert np.array_equal(found, np.where(numbers, numpy(x, z), z), equal_nan=True)


def test_only_what_is_needed_is_printed() -> None:
    for name in FUNCTIONS:
        text = vector_functions([name], 8)
        printed = {other for other in (*FUNCTIONS, "scale") if f"vec vec_{other}(" in text}
        assert printed == {name, *NEEDS.get(name, ())}
    assert vector_functions(FUNCTIONS, 8) == vector_functions(FUNCTIONS[::-1], 8)
