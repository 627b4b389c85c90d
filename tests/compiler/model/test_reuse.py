"""Working sets by isl: the paper's own numbers, and enumeration of small nests."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from compiler.errors import ScheduleError
from compiler.model.perfect_nest import PerfectNest, nest_of_order
from compiler.model.reuse import isl_working_sets
from compiler.problem.primitive import Access, Affine
from compiler.problem.specification import primitive_from
from tests.compiler.brute_force_reuse import brute_force_working_sets, random_nest
from tests.compiler.model.blocked import BLOCKED_CONV2D, GOLDEN, TILED_ORDER, matmul_tiles
from tests.compiler.problem.operators import CHAIN, DEPTHWISE, MAX_POOL, SCATTER, conv2d, matmul


def _pairs(number: int) -> tuple[tuple[int, int], ...]:
    return tuple((least, most) for least, most in GOLDEN["pairs"][number]["min_max"])


def test_the_golden_matrix_product() -> None:
    primitive = primitive_from(matmul(m=300, n=100, k=200))
    assert isl_working_sets(nest_of_order(primitive, "mnk", {})) == _pairs(0)


def test_the_golden_convolution() -> None:
    primitive = primitive_from(BLOCKED_CONV2D)
    order = GOLDEN["pairs"][1]["order"]
    assert isl_working_sets(nest_of_order(primitive, order, {})) == _pairs(1)
    left_out = [loop for loop in order if loop not in ("img", "kj", "ki")]
    assert isl_working_sets(nest_of_order(primitive, left_out, {})) == _pairs(1)


@pytest.mark.parametrize("case", [0, 1])
def test_the_golden_parallel_products(case: int) -> None:
    """Tiles of 128 do not divide k = 500000: the last one is short."""
    primitive = primitive_from(matmul(m=1024, n=16, k=500000))
    nest = nest_of_order(primitive, TILED_ORDER, matmul_tiles(GOLDEN["parallel"][case]["tiles"]))
    pairs = isl_working_sets(nest, "m@2")
    # (24000512 - 8000000) * 63 // 2 + 8000000: the product that m@2 carries, in one size
    assert pairs[-1] == (512016128, 512016128)
    assert 4 * (pairs[-1][1] + pairs[-2][1]) == GOLDEN["parallel"][case]["bytes"]["memory"]


@pytest.mark.parametrize("seed", range(40))
def test_random_nests_match_the_enumeration(seed: int) -> None:
    random = Random(seed)
    nest = random_nest(random, most=600)
    parallel = random.choice([None, *(loop for loop, _ in nest.loops)])
    assert isl_working_sets(nest, parallel) == brute_force_working_sets(nest, parallel)


SHIFTED: dict[str, Any] = {
    "name": "shifted",
    "sizes": {"i": 7, "j": 5},
    "tensors": {"x": ["i", "j"], "y": ["i", "j"]},
    "outside": {"x": 0},
    "statements": ["y[i,j] = x[i-1,j] + x[i,j+1] - x[i,j]"],
}
"""Several accesses to one tensor: dependences between different ones."""


@pytest.mark.parametrize(
    ("spec", "order", "tiles", "parallel"),
    [
        (SHIFTED, "i j", {}, None),
        (SHIFTED, "j@1 i@1 i j", {"i": 3, "j": 2}, None),
        (SHIFTED, "i@1 j i", {"i": 2}, "j"),
        (SCATTER, "i j", {}, None),
        (DEPTHWISE, "n c oh ow kh kw", {}, "c"),
        (DEPTHWISE, "kw oh c ow@1 kh ow n", {"ow": 2}, "oh"),
        (MAX_POOL, "kh ow c oh kw", {}, None),
        (conv2d(ic=3, oc=2, ih=4, iw=4, stride=2, dilation=2, kh=2, kw=2),
         "oc@1 ic@1 oh ow kh kw oc ic", {"oc": 2, "ic": 2}, "ow"),
        (matmul(m=7, n=5, k=6), "m@2 k@1 m@1 n k m", {"m@2": 4, "m@1": 2, "k": 4}, None),
        (matmul(m=7, n=5, k=6), "m@1 k@1 n m k", {"m": 3, "k": 4}, "k@1"),
        (matmul(m=7, n=5, k=6), "m@1 k@1 n m k", {"m": 3, "k": 4}, "m"),
    ],
)  # fmt: skip
def test_operators_match_the_enumeration(
    spec: dict[str, Any], order: str, tiles: dict[str, int], parallel: str | None
) -> None:
    nest = nest_of_order(primitive_from(spec), order.split(), tiles)
    found = isl_working_sets(nest, parallel)
    assert found == brute_force_working_sets(nest, parallel)
    assert found or spec is SCATTER


def test_a_parallel_loop_has_one_size() -> None:
    nest = nest_of_order(primitive_from(matmul(m=4, n=5, k=6)), "nmk", {})
    # sources of m's dependences: b[k, n], m from 0 to 2; one m touches 6 + 6 + 1 elements of which
    # the next shares the 6 of b
    assert (6 + 7 * 3, 6 + 7 * 3) in isl_working_sets(nest, "m")


def test_nothing_is_reused_in_a_single_iteration() -> None:
    assert isl_working_sets(nest_of_order(primitive_from(matmul(m=1, n=1, k=1)), "mk", {})) == ()
    assert isl_working_sets(nest_of_order(primitive_from(matmul(m=1, n=1, k=1)), (), {})) == ()


def test_an_unknown_parallel_loop() -> None:
    nest = PerfectNest((("i", 4),), (Access("y", (Affine((("i", 1),)),)),))
    with pytest.raises(ScheduleError, match="parallel loop 'q' is not in the order i"):
        isl_working_sets(nest, "q")


def test_several_statements_are_refused() -> None:
    with pytest.raises(ScheduleError, match="chain: working sets are for one statement, it has 4"):
        nest_of_order(primitive_from(CHAIN), "mnk", {})
