"""Where working sets are held: the paper's numbers, and machines that lack a level."""

from __future__ import annotations

from dataclasses import replace

import pytest

from compiler.cost.cache_levels import level_bytes
from compiler.cost.working_sets import working_sets
from compiler.model.perfect_nest import nest_of_order
from compiler.problem.architecture import CacheLevel
from compiler.problem.dtypes import F32
from compiler.problem.specification import primitive_from
from tests.compiler.machines import CACHES
from tests.compiler.model.blocked import BLOCKED_CONV2D, GOLDEN, TILED_ORDER, matmul_tiles
from tests.compiler.problem.operators import matmul


def _caches(*sizes: int) -> tuple[CacheLevel, ...]:
    return tuple(CacheLevel(f"L{n}", size) for n, size in enumerate(sizes, start=1))


@pytest.mark.parametrize("case", [0, 1])
def test_the_golden_convolutions(case: int) -> None:
    golden = GOLDEN["levels"][case]
    order = [*golden["order"]]
    pairs = working_sets(nest_of_order(primitive_from(BLOCKED_CONV2D), order, {}))
    caches = _caches(*GOLDEN["levels"][0]["caches"])
    assert level_bytes(pairs, caches, F32) == golden["bytes"]


@pytest.mark.parametrize("case", [0, 1])
def test_the_golden_parallel_products(case: int) -> None:
    golden = GOLDEN["parallel"][case]
    product = primitive_from(matmul(m=1024, n=16, k=500000))
    nest = nest_of_order(product, TILED_ORDER, matmul_tiles(golden["tiles"]))
    caches = _caches(32768, 1048576, 40370176)
    assert level_bytes(working_sets(nest, "m@2"), caches, F32) == golden["bytes"]


def test_min_is_held_where_max_is_not() -> None:
    caches = _caches(100, 1000)
    assert level_bytes([(10, 50)], caches, F32) == {"L1": 40, "L2": 200, "memory": 0}
    assert level_bytes([(10, 500)], caches, F32) == {"L1": 40, "L2": 0, "memory": 2000}
    assert level_bytes([(30, 500)], caches, F32) == {"L1": 0, "L2": 120, "memory": 2000}
    assert level_bytes([(300, 500)], caches, F32) == {"L1": 0, "L2": 0, "memory": 2000}


def test_capacities_are_cumulative_smallest_pair_first() -> None:
    pairs = [(12, 20), (5, 10)]
    assert level_bytes(pairs, _caches(120, 1000), F32) == {"L1": 120, "L2": 0, "memory": 0}
    assert level_bytes(pairs, _caches(119, 1000), F32) == {"L1": 40 + 48, "L2": 80, "memory": 0}
    assert level_bytes(pairs, _caches(119), replace(F32, bytes=2)) == {"L1": 60, "memory": 0}


def test_a_level_that_is_absent_or_tiny_holds_nothing() -> None:
    pairs = [(10, 50), (60, 40000)]
    assert level_bytes(pairs, CACHES[:2], F32) == {"L1": 440, "L2": 160000, "memory": 0}
    assert level_bytes(pairs, (), F32) == {"memory": 4 * 40050}
    assert level_bytes(pairs, _caches(1), F32) == {"L1": 0, "memory": 4 * 40050}
    assert level_bytes((), CACHES, F32) == {"L1": 0, "L2": 0, "L3": 0, "memory": 0}
