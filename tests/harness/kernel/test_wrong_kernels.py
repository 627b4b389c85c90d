"""Kernels that are wrong in one place: at any size, wherever it is, each of them is found."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pytest

from compiler.codegen.kernel import Buffer, Kernel
from compiler.problem.dtypes import F32
from compiler.problem.specification import primitive_from
from harness.failure import Failure
from harness.kernel.build import build
from harness.kernel.expectation import computed
from harness.kernel.load import kernel_spec, load
from harness.kernel.problem_data import ProblemData
from harness.kernel.toolchain import Toolchain
from harness.kernel.verify import Verified, verify
from tests.compiler.problem.operators import matmul
from tests.harness.matmul_kernels import row_major

# `wrong` is what happens at (place[0], place[1]) and at the place[2]-th term: an expression of
# `hit`, of the term and of the sum.
TEXT = """
#include <stdlib.h>
int place[3] = {{-1, -1, -1}};
static int calls;
void polydl_kernel(void *const *buffers) {{
    const float *a = buffers[0], *b = buffers[1];
    float *c = buffers[2];
    ++calls;
    for (int i = 0; i < {m}; ++i)
        for (int j = 0; j < {n}; ++j) {{
            int here = {here};
            float sum = {start};
            for (int r = 0; r < {k}; ++r) {{
                int k = {order};
                int hit = here && k == place[2];
                sum += {term};
            }}
            c[i * {n} + j] = {result};
        }}
}}
"""
RIGHT = {
    "here": "i == place[0] && j == place[1]",
    "start": "0",
    "order": "r",
    "term": "a[i * {k} + k] * b[k * {n} + j]",
    "result": "sum",
}
WRONG = {
    "a term is dropped": {"term": "hit ? 0 : " + RIGHT["term"]},
    "a term counts twice": {"term": "(hit ? 2 : 1) * " + RIGHT["term"]},
    "a term comes from the next row": {"term": "a[i * {k} + k] * b[(k + hit) % {k} * {n} + j]"},
    "an accumulator starts at 1": {"start": "here"},
    "a tile of 4 x 32 is wrong": {
        "here": "i / 4 == place[0] / 4 && j / 32 == place[1] / 32",
        "result": "here ? -sum : sum",
    },
    "the result is rounded to half precision": {"result": "here ? (float)(_Float16)sum : sum"},
}
SIZES = ((317, 29, 1045), (3, 4, 500000), (1, 33, 60000))  # m, n, k
SEED = 20


@lru_cache
def data_of(m: int, n: int, k: int) -> ProblemData:
    return computed(primitive_from(matmul(m=m, n=n, k=k)), SEED)


@dataclass(frozen=True)
class Built:
    """A kernel of one matrix product; `at` puts its fault somewhere."""

    spec: dict[str, object]

    def at(self, *place: int) -> None:
        held = (ctypes.c_int * 3).in_dll(ctypes.CDLL(str(self.spec["library"])), "place")
        held[:] = list(place)


def built(toolchain: Toolchain, sizes: tuple[int, int, int], **changed: str) -> Built:
    m, n, k = sizes
    pieces = {key: text.format(m=m, n=n, k=k) for key, text in {**RIGHT, **changed}.items()}
    kernel = Kernel(
        TEXT.format(m=m, n=n, k=k, **pieces),
        (
            Buffer("a", "input", m * k, F32, row_major(m, k)),
            Buffer("b", "input", k * n, F32, row_major(k, n), constant=True),
            Buffer("c", "output", m * n, F32, row_major(m, n)),
        ),
        openmp=False,
    )
    found = build(kernel.text, False, toolchain)
    assert not isinstance(found, Failure), found
    return Built(kernel_spec(kernel, found.path))


@pytest.mark.parametrize("sizes", SIZES)
def test_the_right_kernel_passes(sizes: tuple[int, int, int], toolchain: Toolchain) -> None:
    kernel = built(toolchain, sizes)
    found = verify(load(kernel.spec), data_of(*sizes))
    assert isinstance(found, Verified), found
    assert found.rounds == {"float": 1, "exact": 2} and found.decided == 1.0


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("fault", WRONG)
def test_a_kernel_wrong_anywhere_fails(
    fault: str, sizes: tuple[int, int, int], toolchain: Toolchain
) -> None:
    """In corners and remainders, and in the middle, where samples hardly ever looked."""
    m, n, k = sizes
    kernel = built(toolchain, sizes, **WRONG[fault])
    random = np.random.default_rng(1)
    places = [(0, 0, 0), (m - 1, n - 1, k - 1)]
    places += [tuple(random.integers(sizes)) for _ in range(2)]
    for place in places:
        kernel.at(*map(int, place))
        found = verify(load(kernel.spec), data_of(m, n, k))
        assert isinstance(found, Failure), place
        assert found.stage == "verify" and "expected" in found.reason


def test_a_missing_term_of_many_hides_in_the_float_round_alone(toolchain: Toolchain) -> None:
    """Which is why there are others."""
    sizes = (3, 4, 500000)
    kernel = built(toolchain, sizes, **WRONG["a term is dropped"])
    kernel.at(1, 2, 3)
    data = data_of(*sizes)
    alone = ProblemData(data.shapes, data.rounds[:1], data.terms)
    assert isinstance(verify(load(kernel.spec), alone, factor=4.0 * 500000**0.5), Verified)
    found = verify(load(kernel.spec), data)
    assert isinstance(found, Failure) and "1 of 12 values are wrong" in found.reason


def test_a_wrong_first_kernel_does_not_make_right_ones_wrong(toolchain: Toolchain) -> None:
    sizes = SIZES[0]
    wrong = built(toolchain, sizes, **WRONG["an accumulator starts at 1"])
    wrong.at(100, 20, 0)
    data = data_of(*sizes)
    assert isinstance(verify(load(wrong.spec), data), Failure)
    right = built(toolchain, sizes)
    assert isinstance(verify(load(right.spec), data), Verified)


def test_with_two_threads_both_runs_must_give_the_same_bits(toolchain: Toolchain) -> None:
    """Sums in another order on every other run, as a race between threads would give them."""
    sizes = SIZES[0]
    turned = built(toolchain, sizes, order="calls % 2 ? r : {k} - 1 - r")
    assert isinstance(verify(load(turned.spec), data_of(*sizes), threads=1), Verified)
    found = verify(load(turned.spec), data_of(*sizes), threads=2)
    assert isinstance(found, Failure)
    assert found.reason.startswith("two runs with the same inputs differ: c[")
    steady = verify(load(built(toolchain, sizes).spec), data_of(*sizes), threads=2)
    assert isinstance(steady, Verified) and steady.repeatable is True


def test_a_race_that_drops_a_term_now_and_then(toolchain: Toolchain) -> None:
    sizes = SIZES[0]
    rare = built(toolchain, sizes, term="hit && calls == 4 ? 0 : " + RIGHT["term"])
    rare.at(5, 6, 7)
    found = verify(load(rare.spec), data_of(*sizes), threads=2)
    assert isinstance(found, Failure)
